package a

import (
	"context"
	"database/sql"
	"net/http"
	"time"
)

// What is called once, by its name and by what it returns.

func (s *status) Execute(query string) (*http.Response, error) {
	return (&http.Client{Transport: &http.Transport{IdleConnTimeout: time.Second}}).Get(s.url + query) // want `for every call of Execute`
}

func (s *status) Start(ctx context.Context) error {
	_, err := (&http.Client{Transport: &http.Transport{IdleConnTimeout: time.Second}}).Get(s.url)
	return err
}

// Main returns an exit code.
func Main(args []string) int {
	if _, err := (&http.Client{Transport: &http.Transport{IdleConnTimeout: time.Second}}).Get(args[0]); err != nil {
		return 1
	}
	return 0
}

func RunQuery(url string) (string, error) {
	resp, err := (&http.Client{Transport: &http.Transport{IdleConnTimeout: time.Second}}).Get(url) // want `for every call of RunQuery`
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	return resp.Status, nil
}

// An Issue is data that a server gave.
type Issue struct {
	Title string `json:"title"`
	User  *Issue `json:"user"`
}

func CreateIssue(url string) (*Issue, error) {
	_, err := (&http.Client{Transport: &http.Transport{IdleConnTimeout: time.Second}}).Get(url) // want `for every call of CreateIssue`
	return &Issue{}, err
}

// A Doer does something, by a function.
type Doer struct{ Do func() error }

func NewDoer(url string) (*Doer, error) {
	_, err := (&http.Client{Transport: &http.Transport{IdleConnTimeout: time.Second}}).Get(url)
	return &Doer{}, err
}

// A Server runs from then on.
type Server struct{ Addr string }

func StartServer(url string) (*Server, error) {
	_, err := (&http.Client{Transport: &http.Transport{IdleConnTimeout: time.Second}}).Get(url)
	return &Server{}, err
}

// RunTracer returns how to end it.
func RunTracer(url string) (shutdown func(context.Context) error, err error) {
	_, err = (&http.Client{Transport: &http.Transport{IdleConnTimeout: time.Second}}).Get(url)
	return nil, err
}

// An API is an object by its methods.
type API struct{ URL, Token string }

func (a *API) Ping(ctx context.Context) error { return nil }

func NewAPI(url string) (*API, error) {
	_, err := (&http.Client{Transport: &http.Transport{IdleConnTimeout: time.Second}}).Get(url)
	return &API{}, err
}

// An App has a database.
type App struct{ DB *sql.DB }

func NewApp(url string) (*App, error) {
	_, err := (&http.Client{Transport: &http.Transport{IdleConnTimeout: time.Second}}).Get(url)
	return &App{}, err
}
