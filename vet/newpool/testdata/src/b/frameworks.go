package b

import (
	"context"

	lambdaevents "github.com/aws/aws-lambda-go/events"
	hertzapp "github.com/cloudwego/hertz/pkg/app"

	"store"
)

func lambda(ctx context.Context, e lambdaevents.APIGatewayProxyRequest) (lambdaevents.APIGatewayProxyResponse, error) {
	store.MustOpen("dsn").Ping() // want `for every request that reaches lambda`
	return lambdaevents.APIGatewayProxyResponse{StatusCode: 200}, nil
}

func lambdaProbe(ctx context.Context, e lambdaevents.APIGatewayProxyRequest) (lambdaevents.APIGatewayProxyResponse, error) {
	store.MustOpen(e.QueryStringParameters["target"]).Ping()
	return lambdaevents.APIGatewayProxyResponse{StatusCode: 200}, nil
}

func hertz(ctx context.Context, c *hertzapp.RequestContext) {
	store.MustOpen("dsn").Ping() // want `for every request that reaches hertz`
}

func hertzProbe(ctx context.Context, c *hertzapp.RequestContext) {
	store.MustOpen(c.Query("target")).Ping()
}

func lambdaUser(ctx context.Context, e lambdaevents.APIGatewayProxyRequest) (lambdaevents.APIGatewayProxyResponse, error) {
	store.MustOpen(e.Headers["Authorization"]).Ping() // want `for every request that reaches lambdaUser`
	return lambdaevents.APIGatewayProxyResponse{StatusCode: 200}, nil
}
