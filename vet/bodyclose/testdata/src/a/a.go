package a

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"reflect"
	"time"
)

func Never(url string) int {
	resp, err := http.Get(url) // want `the response's body is never closed: its connection is never used again`
	if err != nil {
		return 0
	}
	return resp.StatusCode
}

func Read(c *http.Client, req *http.Request) ([]byte, error) {
	resp, err := c.Do(req) // want `not closed on every path: not on that which returns in line 30`
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != 200 {
		return nil, errors.New(resp.Status)
	}
	return io.ReadAll(resp.Body)
}

func ThrownAway(url string) error {
	_, err := http.Get(url) // want `never closed`
	return err
}

func OnePath(url string) error {
	resp, err := http.Get(url) // want `the response's body is not closed on every path: not on that which returns in line 46`
	if err != nil {
		return err
	}
	if resp.StatusCode != 200 {
		return errors.New(resp.Status)
	}
	return resp.Body.Close()
}

func Loop(urls []string) {
	for _, url := range urls {
		resp, err := http.Get(url) // want `the response's body is not closed when the loop goes on`
		if err != nil {
			continue
		}
		if resp.StatusCode == 404 {
			continue
		}
		resp.Body.Close()
	}
}

// Through an interface, and a helper.
type doer interface {
	Do(*http.Request) (*http.Response, error)
}

func ByInterface(d doer, req *http.Request) int {
	resp, err := d.Do(req) // want `never closed`
	if err != nil {
		return 0
	}
	return resp.StatusCode
}

func Helper(url string) (*http.Response, error) { // want Helper:"returns an open body"
	resp, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	return resp, nil
}

func ByHelper(url string) int {
	resp, err := Helper(url) // want `never closed`
	if err != nil {
		return 0
	}
	return resp.StatusCode
}

func Decode(url string, v any) error {
	resp, err := http.Get(url) // want `never closed`
	if err != nil {
		return err
	}
	return json.NewDecoder(resp.Body).Decode(v)
}

// What follows is right.

// It runs once, for all we know.
func start() {
	resp, err := http.Get("http://x")
	if err == nil {
		println(resp.Status)
	}
}

// No body comes with it.
func NotModified(req *http.Request) error {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	if resp.StatusCode == http.StatusNotModified {
		return nil
	}
	return resp.Body.Close()
}

// Another error, made of the first.
func Wrapped(url string) error {
	resp, err := http.Get(url)
	if err := wrap(err); err != nil {
		return err
	}
	return resp.Body.Close()
}

func wrap(err error) error { return err }

// It is read to its end, where the connection is given back.
func ReadAll(url string) ([]byte, error) {
	resp, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(resp.Body)
}

// There is none, or it is closed.
func BodyCheck(rt http.RoundTripper, req *http.Request) error {
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return err
	}
	if resp.Body != nil {
		defer resp.Body.Close()
	}
	if resp.StatusCode != 200 {
		return errors.New(resp.Status)
	}
	return nil
}

// A literal that is made before closes it.
func ByLiteral(url string) (err error) {
	var resp *http.Response
	done := func() error {
		defer resp.Body.Close()
		return nil
	}
	resp, err = http.Get(url)
	if err != nil {
		return err
	}
	return done()
}

// Others have it, and may close it: what is returned may be closed.
func WithCallback(url string, f func(*http.Response) error) (*http.Response, error) {
	resp, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	return resp, f(resp)
}

func UsesCallback(url string) int {
	resp, err := WithCallback(url, nil)
	if err != nil {
		return 0
	}
	return resp.StatusCode
}

func HeadByMethod(c *http.Client, url string) int {
	req, _ := http.NewRequest(http.MethodHead, url, nil)
	resp, err := c.Do(req)
	if err != nil {
		return 0
	}
	return resp.StatusCode
}

func Closed(url string) error {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.ReadAll(resp.Body)
	return err
}

func Deferred(url string) (err error) {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := resp.Body.Close(); err == nil {
			err = cerr
		}
	}()
	return nil
}

func ByFunc(url string) error {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	defer Drain(resp.Body)
	return nil
}

func Drain(r io.ReadCloser) {
	io.Copy(io.Discard, r)
	r.Close()
}

func Returned(url string) (*http.Response, error) { return http.Get(url) } // want Returned:"returns an open body"

func Body(url string) (io.ReadCloser, error) { // want Body:"returns an open body"
	resp, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

type page struct{ body io.ReadCloser }

func Stored(p *page, url string) {
	resp, err := http.Get(url)
	if err != nil {
		return
	}
	p.body = resp.Body
}

func NilCheck(url string) {
	resp, _ := http.Get(url)
	if resp != nil {
		resp.Body.Close()
	}
}

func Head(url string) int {
	resp, err := http.Head(url)
	if err != nil {
		return 0
	}
	return resp.StatusCode
}

func ClosesItself(url string) (*http.Response, error) {
	resp, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return resp, nil
}

// An upgrade, whose connection goes elsewhere.
func Upgrade(rt http.RoundTripper, req *http.Request) error {
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		resp.Body.Close()
		return errors.New(resp.Status)
	}
	return nil
}

// A RoundTripper that is known to have nothing to close.
type empty struct{}

func (empty) RoundTrip(*http.Request) (*http.Response, error) { return nil, nil }

func ByEmpty(req *http.Request) { empty{}.RoundTrip(req) }

func UsesIt(url string) int {
	resp, err := ClosesItself(url)
	if err != nil {
		return 0
	}
	return resp.StatusCode
}

// Two ways out.
func Two(url string) (string, error) {
	resp, err := http.Get(url) // want `not closed on every path: not on those which return in lines \d+ and \d+$`
	if err != nil {
		return "", err
	}
	if resp.StatusCode == 402 {
		return "", errors.New("pay")
	}
	if resp.StatusCode != 200 {
		return "", errors.New(resp.Status)
	}
	defer resp.Body.Close()
	return resp.Header.Get("x"), nil
}

// Somebody says of the error that it is worth another try: then there is one.
func Again(url string) (again bool, err error) {
	resp, err := http.Get(url) // want `not on that which returns in line 334`
	again, err = isWorthIt(err)
	if again {
		return true, err
	}
	if err != nil {
		return false, err
	}
	if resp.StatusCode != 200 {
		return false, errors.New(resp.Status)
	}
	return false, resp.Body.Close()
}

func AgainClosed(url string) (again bool, err error) {
	resp, err := http.Get(url)
	if errors.Is(err, io.EOF) {
		return true, err
	}
	if ok, _ := isWorthIt(err); !ok && err == nil {
		return false, resp.Body.Close()
	}
	return false, err
}

func isWorthIt(err error) (bool, error) { return err == io.EOF, err }

// It is decoded, which may be to its end or not.
func Decoded(url string) (v any) {
	resp, err := http.Get(url) // want `never closed: its connection is not used again unless it was read to its end`
	if err != nil {
		return nil
	}
	json.NewDecoder(resp.Body).Decode(&v)
	return v
}

// It ticks, and what stays open stays.
func poll(url string) {
	for range time.Tick(time.Minute) {
		ask(url)
	}
}

func ask(url string) bool {
	resp, err := http.Get(url) // want `never closed`
	return err == nil && resp.StatusCode == 200
}

// It begins, and does so once.
func StartUp(url string) bool {
	resp, err := http.Get(url)
	return err == nil && resp.StatusCode == 200
}

// It closes what it does not return.
func checked(url string) (*http.Response, error) { // want checked:"returns an open body"
	resp, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != 200 {
		defer resp.Body.Close()
		return nil, errors.New(resp.Status)
	}
	return resp, nil
}

func ByChecked(url string) int64 {
	resp, err := checked(url) // want `never closed`
	if err != nil {
		return 0
	}
	return resp.ContentLength
}

// It returns it all the same, closed.
func checkedToo(url string) (*http.Response, error) {
	resp, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != 200 {
		resp.Body.Close()
	}
	return resp, nil
}

func ByCheckedToo(url string) int64 {
	resp, err := checkedToo(url)
	if err != nil {
		return 0
	}
	return resp.ContentLength
}

// A body alone.
func open(url string) (io.ReadCloser, error) { // want open:"returns an open body"
	resp, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusNoContent {
		resp.Body.Close()
		return nil, nil
	}
	return resp.Body, nil
}

func ByOpen(url string) (v any, err error) {
	r, err := open(url) // want `never closed: its connection is not used again unless`
	if err != nil || r == nil {
		return nil, err
	}
	err = json.NewDecoder(r).Decode(&v)
	return v, err
}

func ByOpenClosed(url string) (v any, err error) {
	r, err := open(url)
	if err != nil || r == nil {
		return nil, err
	}
	defer r.Close()
	err = json.NewDecoder(r).Decode(&v)
	return v, err
}

// Both: whoever closes one closes the other.
func both(url string) (io.ReadCloser, *http.Response, error) {
	resp, err := http.Get(url)
	if err != nil {
		return nil, nil, err
	}
	return resp.Body, resp, nil
}

func ByBoth(url string) int {
	r, resp, err := both(url)
	if err != nil {
		return 0
	}
	r.Close()
	return resp.StatusCode
}

// Whether there is one is what it was told.
func openMaybe(url string, empty bool) (io.ReadCloser, error) { // want openMaybe:"returns an open body"
	resp, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	if empty {
		resp.Body.Close()
		return nil, nil
	}
	return resp.Body, nil
}

func ByOpenMaybe(url string, empty bool) error {
	r, err := openMaybe(url, empty)
	if err != nil {
		return err
	}
	if empty || r == nil {
		return nil
	}
	return r.Close()
}

// It is read to its end, or that failed.
func Dumped(url string) (int, error) {
	resp, err := http.Get(url)
	if err != nil {
		return 0, err
	}
	if _, err := httputil.DumpResponse(resp, true); err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	return resp.StatusCode, nil
}

// Its head alone is not.
func DumpedHead(url string) int {
	resp, err := http.Get(url) // want `never closed`
	if err != nil {
		return 0
	}
	httputil.DumpResponse(resp, false)
	return resp.StatusCode
}

// There is none, where it is thrown away.
func Thrown(url string) error {
	_, err := open(url)
	return err
}

// It is read to its end, by what wraps it.
func Lines(url string) (lines []string) {
	resp, err := http.Get(url)
	if err != nil {
		return nil
	}
	scanner := bufio.NewScanner(resp.Body)
	for scanner.Scan() {
		lines = append(lines, scanner.Text())
	}
	return lines
}

func Teed(url string, w io.Writer) error {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	_, err = io.ReadAll(io.TeeReader(resp.Body, w))
	return err
}

func FirstLine(url string) (string, error) {
	resp, err := http.Get(url) // want `never closed: its connection is not used again unless it was read to its end`
	if err != nil {
		return "", err
	}
	return bufio.NewReader(resp.Body).ReadString('\n')
}

func Stream(url string) (*bufio.Reader, error) {
	resp, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	return bufio.NewReader(resp.Body), nil
}

// There is nothing to close.
func Empty(url string, v any) error {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	if resp.ContentLength == 0 {
		return nil
	}
	if resp.Body == http.NoBody {
		return errors.New(resp.Status)
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(v)
}

func Short(url string, v any) error {
	resp, err := http.Get(url) // want `not closed on every path`
	if err != nil {
		return err
	}
	if resp.ContentLength < 10 {
		return nil
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(v)
}

// By reflection it may be anybody's.
func Reflected(url string, to any) error {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	reflect.ValueOf(to).Elem().Set(reflect.ValueOf(resp.Body))
	return nil
}

// Whoever wants the response has it, and who does not has it closed.
type options struct{ into **http.Response }

func Into(url string, o options) error {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	if o.into != nil {
		*o.into = resp
	}
	if o.into == nil {
		return resp.Body.Close()
	}
	return nil
}

// What wraps a body fails, and leaves it open.
func Unzip(url string) error {
	resp, err := http.Get(url) // want `not closed on every path`
	if err != nil {
		return err
	}
	zr, err := gzip.NewReader(resp.Body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.ReadAll(zr)
	return err
}

// A NopCloser closes nothing.
func Nop(url string) error {
	resp, err := http.Get(url) // want `never closed`
	if err != nil {
		return err
	}
	rc := io.NopCloser(resp.Body)
	defer rc.Close()
	_, err = rc.Read(nil)
	return err
}

// It leaves in the middle.
func FirstMatch(url, text string) bool {
	resp, err := http.Get(url) // want `not closed on every path`
	if err != nil {
		return false
	}
	sc := bufio.NewScanner(resp.Body)
	for sc.Scan() {
		if sc.Text() == text {
			return true
		}
	}
	return false
}

func Heads(urls []string) {
	for _, url := range urls {
		resp, err := http.Get(url) // want `not closed when the loop goes on|never closed`
		if err != nil {
			return
		}
		sc := bufio.NewScanner(resp.Body)
		sc.Scan()
		println(sc.Text())
	}
}

// To print it is not to keep it.
func Printed(url string, debug bool) int {
	resp, err := http.Get(url) // want `never closed|not closed on every path`
	if err != nil {
		return 0
	}
	if debug {
		println(fmt.Sprintf("%v", resp))
	}
	return resp.StatusCode
}

// It is stored by a helper, or by a literal, on one path of two.
type keeper struct{ last *http.Response }

func (k *keeper) keep(resp *http.Response) { k.last = resp }

func (k *keeper) ByHelper(url string, keep bool) error {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	if keep {
		k.keep(resp)
	}
	return nil
}

func (k *keeper) ByLiteral(url string, keep bool) error {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	if keep {
		later(func() { k.last = resp })
	}
	return nil
}

func later(f func()) { defer f() }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// HEAD has none, whoever else was given the request.
func Size(url string) int64 {
	resp, err := http.DefaultClient.Do(must(http.NewRequest(http.MethodHead, url, nil)))
	if err != nil {
		return 0
	}
	return resp.ContentLength
}
