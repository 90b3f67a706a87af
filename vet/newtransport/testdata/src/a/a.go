package a

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	neturl "net/url"
	"sync"
	"time"

	"b"
)

// Plain.
func Fetch(url string) error {
	tr := &http.Transport{MaxIdleConns: 10} // want `a new http.Transport for every call of Fetch: its connections are never reused`
	client := &http.Client{Transport: tr}
	resp, err := client.Get(url)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// Closed after: a pool for one request all the same.
func FetchAndClose(url string) error {
	tr := new(http.Transport) // want `for every call of FetchAndClose`
	defer tr.CloseIdleConnections()
	_, err := tr.RoundTrip(nil)
	return err
}

// A variable rather than a literal.
func Variable(url string) error {
	var tr http.Transport // want `for every call of Variable`
	c := http.Client{Transport: &tr}
	_, err := c.Get(url)
	return err
}

// A clone of the default one.
func Clone(url string) error {
	tr := http.DefaultTransport.(*http.Transport).Clone() // want `for every call of Clone`
	tr.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	_, err := (&http.Client{Transport: tr}).Get(url)
	return err
}

type Service struct {
	client *http.Client
	cache  map[string]*http.Client
	mu     sync.Mutex
	once   sync.Once
	conn   *http.ClientConn
}

// A method, by one that is exported.
func (s *Service) Order(url string) error { return s.fetch(url) }

func (s *Service) fetch(url string) error {
	client := &http.Client{Transport: &http.Transport{}} // want `a new http.Transport for every call of fetch`
	_, err := client.Get(url)
	return err
}

// A closure that is called where it is.
func Closure(url string) error {
	get := func() error {
		c := http.Client{Transport: &http.Transport{}} // want `for every call of Closure`
		_, err := c.Get(url)
		return err
	}
	return get()
}

// A closure that captures it, and goes nowhere.
func Captured(url string) error {
	c := &http.Client{Transport: &http.Transport{}} // want `for every call of Captured`
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		c.Get(url)
	}()
	wg.Wait()
	return nil
}

// Through helpers, of this package and another.
func Helper(url string) error {
	c := newClient() // want `a new http.Transport, from newClient, for every call of Helper`
	_, err := c.Get(url)
	return err
}

func newClient() *http.Client { // want newClient:"returns a new http.Transport"
	return &http.Client{Transport: &http.Transport{}}
}

func OtherHelper(url string) error {
	_, err := b.NewClient().Get(url) // want `a new http.Transport, from NewClient, for every call of OtherHelper`
	return err
}

func sharedOne(url string) error {
	_, err := b.Client().Get(url)
	return err
}

// Through an interface.
type doer interface {
	Do(*http.Request) (*http.Response, error)
}

func Interface(req *http.Request) error {
	var d doer = &http.Client{Transport: &http.Transport{}} // want `for every call of Interface`
	_, err := d.Do(req)
	return err
}

// A wrapper around it.
type logging struct{ next http.RoundTripper }

func (l logging) RoundTrip(r *http.Request) (*http.Response, error) { return l.next.RoundTrip(r) }

func Wrapped(req *http.Request) error {
	c := http.Client{Transport: logging{next: &http.Transport{}}} // want `for every call of Wrapped`
	_, err := c.Do(req)
	return err
}

// Generic.
func Generic[T any](req *http.Request) (v T, err error) {
	c := &http.Client{Transport: &http.Transport{}} // want `for every call of Generic`
	_, err = c.Do(req)
	return v, err
}

// In a loop, in a function that runs once.
func poll(urls []string) {
	for _, url := range urls {
		c := &http.Client{Transport: &http.Transport{}} // want `a new http.Transport in every turn of a loop`
		c.Get(url)
	}
}

// Called in a loop.
func init() {
	for {
		one()
	}
}

func one() {
	c := &http.Client{Transport: &http.Transport{}} // want `for every call of one|in every turn of a loop`
	c.Get("http://x")
}

// In handlers.
func handle(w http.ResponseWriter, r *http.Request) {
	c := &http.Client{Transport: &http.Transport{}} // want `for every request that reaches handle`
	c.Get("http://x")
}

func register() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		c := &http.Client{Transport: &http.Transport{}} // want `for every request that reaches register`
		c.Get("http://x")
	})
}

// Behind an option.
type option func(*http.Client)

func Options(url string, opts ...option) error {
	c := &http.Client{}
	c.Transport = &http.Transport{} // want `for every call of Options`
	for _, o := range opts {
		o(c)
	}
	_, err := c.Get(url)
	return err
}

// What follows is right, but for what says so.

var global = &http.Client{Transport: &http.Transport{}}

// Made for something that is returned, or is it.
func New() *Service {
	return &Service{client: &http.Client{Transport: &http.Transport{}}}
}

func NewWith(tr *http.Transport) *Service {
	if tr == nil {
		tr = &http.Transport{}
	}
	s := &Service{}
	s.client = &http.Client{Transport: tr}
	return s
}

// Kept in a field, a map, a variable, a channel.
func (s *Service) lazy() *http.Client {
	if s.client == nil {
		s.client = &http.Client{Transport: &http.Transport{}}
	}
	return s.client
}

func (s *Service) Cached(host string) *http.Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.cache[host]
	if c == nil {
		c = &http.Client{Transport: &http.Transport{}}
		s.cache[host] = c
	}
	return c
}

func (s *Service) Once() {
	s.once.Do(func() { s.client = &http.Client{Transport: &http.Transport{}} })
}

func Send(to chan<- *http.Client) { to <- &http.Client{Transport: &http.Transport{}} }

func SetDefault() { http.DefaultTransport = &http.Transport{} }

var setter = new(Service)

func (s *Service) SetTransport(rt http.RoundTripper) { s.client.Transport = rt }

func Configure() { setter.SetTransport(&http.Transport{}) }

// The default transport.
func Default(url string) error {
	c := &http.Client{}
	_, err := c.Get(url)
	return err
}

// A pool for what the call itself does in a loop.
func All(urls []string) {
	c := &http.Client{Transport: &http.Transport{}}
	for _, url := range urls {
		c.Get(url)
	}
}

// It is asked what it has, and makes no request.
func Ask() bool {
	tr := http.DefaultTransport.(*http.Transport).Clone()
	return tr.TLSNextProto["h2"] != nil
}

// A connection of its own, which is kept.
func (s *Service) Conn() {
	tr := &http.Transport{}
	cc, _ := tr.NewClientConn(nil, "http", "x:80")
	s.conn = cc
}

// The default one, mostly.
func maybeOwn(private bool) *http.Client { // want maybeOwn:"sometimes returns a new http.Transport"
	if !private {
		return &http.Client{}
	}
	return &http.Client{Transport: &http.Transport{}}
}

func Maybe(url string) { maybeOwn(false).Get(url) }

// Nobody is known to call it more than once.
func start() {
	c := &http.Client{Transport: &http.Transport{}}
	c.Get("http://x")
}

// Without keep-alives it is no pool: keepalivesoff tells of it.
func Off(url string) error {
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	_, err := c.Get(url)
	return err
}

// Told not to.
func Quiet(url string) {
	//lint:ignore berth it runs once a day
	c := &http.Client{Transport: &http.Transport{}}
	c.Get(url)
	d := &http.Client{Transport: &http.Transport{}} //nolint:newtransport // a proxy of its own
	e := &http.Client{Transport: &http.Transport{}} // want `for every call of Quiet: its connections are never reused$`
	//nolint:berth
	f := &http.Client{Transport: &http.Transport{}} // want `for every call of Quiet.*needs a reason`
	d.Get(url)
	e.Get(url)
	f.Get(url)
}

// A goroutine that goes on, and gives it to a server.
func Serve(ln io.Closer, h http.Handler) {
	proxy := &reverse{rt: &http.Transport{}}
	http.ListenAndServe(":80", proxy)
}

type reverse struct{ rt http.RoundTripper }

func (p *reverse) ServeHTTP(http.ResponseWriter, *http.Request) {}

// An interface of its own, that a client has.
type sender interface {
	Do(*http.Request) (*http.Response, error)
}

func newSender() sender { // want newSender:"returns a new http.Transport"
	return &http.Client{Transport: &http.Transport{}}
}

type decorator func(sender) sender

func Decorated(req *http.Request, decorators ...decorator) (*http.Response, error) {
	return send(newSender(), req, decorators...) // want `a new http.Transport, from newSender, for every call of Decorated`
}

func send(s sender, req *http.Request, decorators ...decorator) (*http.Response, error) {
	for _, d := range decorators {
		s = d(s)
	}
	return s.Do(req)
}

// Another package's, which makes requests, by what is known of it, or none.
func ByOther(token string) {
	l := b.License{Client: http.Client{Transport: &http.Transport{}}} // want `for every call of ByOther`
	l.Download()
}

func ByOtherWithout(token string) bool {
	l := b.License{Client: http.Client{Transport: &http.Transport{}}}
	return l.Parse(token)
}

// An address of its own for each.
func Bound(url string, addr *net.TCPAddr) {
	c := &http.Client{Transport: &http.Transport{DialContext: (&net.Dialer{LocalAddr: addr}).DialContext}}
	c.Get(url)
}

// It is called once for each that there is.
func NewAsked(url string) (*Service, error) {
	c := &http.Client{Transport: &http.Transport{}}
	_, err := c.Get(url)
	return &Service{}, err
}

// It makes something elsewhere.
func CreateUser(url string) error {
	c := &http.Client{Transport: &http.Transport{}} // want `for every call of CreateUser`
	_, err := c.Get(url)
	return err
}

// It sleeps before it comes back.
func ticks(url string) {
	for {
		c := &http.Client{Transport: &http.Transport{}}
		if _, err := c.Get(url); err == nil {
			return
		}
		wait()
	}
}

func wait() { time.Sleep(time.Second) }

// An address of its own, though not in the literal.
func BoundBefore(url string, addr *net.TCPAddr) {
	d := net.Dialer{LocalAddr: addr}
	c := &http.Client{Transport: &http.Transport{DialContext: d.DialContext}}
	c.Get(url)
}

// Nothing would be used again anyway.
func Closes(req *http.Request) {
	req.Close = true
	c := &http.Client{Transport: &http.Transport{}}
	c.Do(req)
}

type Reporter struct{ timer *time.Timer }

// Work goes on and on, and reports once a day.
func (r *Reporter) Work(url string, done chan bool) {
	for {
		select {
		case <-done:
			return
		case <-r.timer.C:
			r.report(url)
			r.timer.Reset(24 * time.Hour)
		}
	}
}

func (r *Reporter) report(url string) {
	c := &http.Client{Transport: &http.Transport{}}
	c.Get(url)
}

// Each way back sleeps, of several.
func joins(url string) {
	for {
		c := &http.Client{Transport: &http.Transport{}}
		resp, err := c.Get(url)
		if err != nil {
			time.Sleep(time.Minute)
			continue
		}
		resp.Body.Close()
		switch resp.StatusCode {
		case 401:
			return
		case 500:
			time.Sleep(time.Minute)
			continue
		}
		time.Sleep(time.Hour)
	}
}

// Of each that is started, all that it does is paced.
func startAll(urls []string) {
	for _, url := range urls {
		go joins(url)
	}
}

// A token is asked for when there is none that is good.
type tokens struct {
	token string
	until time.Time
}

func (t *tokens) Token() (string, error) {
	if t.token == "" || t.expired() {
		fresh, until, err := t.ask()
		if err != nil {
			return "", err
		}
		t.token, t.until = fresh, until
	}
	return t.token, nil
}

func (t *tokens) expired() bool { return time.Now().After(t.until) }

func (t *tokens) ask() (string, time.Time, error) {
	c := &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
	resp, err := c.Get("http://tokens")
	if err != nil {
		return "", time.Time{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return string(text), time.Now().Add(time.Hour), err
}

// It is asked each time, and what it was is only looked at.
type asker struct{ last string }

func (a *asker) Ask() (string, error) {
	if a.last == "stop" {
		return "", io.EOF
	}
	text, err := a.ask()
	if err != nil {
		return "", err
	}
	println(a.last)
	return text, nil
}

func (a *asker) ask() (string, error) {
	c := &http.Client{Transport: &http.Transport{}} // want `a new http.Transport for every call of ask`
	resp, err := c.Get("http://tokens")
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}

// Each proxy is another.
func FirstGood(proxies []string) string {
	for _, p := range proxies {
		if through(p, "http://x") == nil {
			return p
		}
	}
	return ""
}

func through(proxy, url string) error {
	u, err := neturl.Parse(proxy)
	if err != nil {
		return err
	}
	c := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(u)}}
	resp, err := c.Get(url)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

type proxied struct{ proxy *neturl.URL }

func (p *proxied) Get(url string) error {
	c := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(p.proxy)}} // want `a new http.Transport for every call of Get`
	resp, err := c.Get(url)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// Pages, each asked for with what the last one said.
type pager struct{ next string }

func (p *pager) Next() bool {
	if p.next == "" {
		return false
	}
	p.next = p.page(p.next)
	return true
}

func (p *pager) page(url string) string {
	c := &http.Client{Transport: &http.Transport{}} // want `a new http.Transport for every call of page`
	resp, err := c.Get(url)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	return resp.Header.Get("Next")
}

// A unix socket has no port.
func FetchUnix(path string) error {
	client := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
	}}
	defer client.CloseIdleConnections()
	resp, err := client.Get("http://localhost/x")
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// It has a connection, and dials none.
func Over(conn net.Conn) error {
	client := &http.Client{Transport: &http.Transport{
		DialTLSContext: func(ctx context.Context, network, addr string) (net.Conn, error) { return conn, nil },
	}}
	_, err := client.Get("https://x")
	return err
}

// What a maker's dial.
func local() *http.Client { // want local:"returns a new http.Transport with connections of its own"
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return net.Dial("unix", "/run/x") },
	}}
}

func AskLocal() { local().Get("http://x") }

func (s *Service) ByMaker(m b.Maker, url string) {
	m.Make().Get(url) // want `a new http.Transport, from Make, for every call of ByMaker`
}
