// Package events has the type by which handlers of AWS Lambda are known.
package events

type APIGatewayProxyRequest struct {
	Headers               map[string]string
	QueryStringParameters map[string]string
}

type APIGatewayProxyResponse struct{ StatusCode int }
