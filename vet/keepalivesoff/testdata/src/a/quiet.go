package a

import "net/http"

// A comment counts for what it begins.

//nolint:berth // the whole function is for one device
func all(req *http.Request) {
	req.Close = true
}

func begun(req *http.Request) { //nolint:berth // that is of its line
	req.Close = true // want `makes another$`
}

func both(f, g func()) {}

func literals(req *http.Request) {
	both(func() {
		println()
		//nolint:berth // that is of what ends here
	}, func() {
		req.Close = true // want `makes another$`
	})
	//nolint:berth // for one device
	both(nil, func() {
		req.Close = true
	})
}

//nolint:keepalivesoff // a device's
var q1 = &http.Transport{
	DisableKeepAlives: true,
}

//nolint:berth // two linters have something to say
//nolint:gosec // of it
var q2 = &http.Transport{DisableKeepAlives: true}

var q3 = &http.Transport{
	MaxIdleConns:      1,    //nolint:berth // that is another's line
	DisableKeepAlives: true, // want `keep-alives are off: every request makes a connection$`
}

// The forms.

func forms(req *http.Request) {
	req.Close = true //nolint // for all linters
	req.Close = true //nolint:all // the same
	req.Close = true //nolint:Berth,gosec // in any case
	req.Close = true //nolint:gosec, berth // with a space
	//lint:ignore	berth	with tabs
	req.Close = true
	req.Close = true //nolint:gosec // another's // want `makes another$`
	req.Close = true //nolint:berthed // another's // want `makes another$`
}

func noReason(req *http.Request) {
	//nolint
	req.Close = true // want `needs a reason behind it`
	//nolint:berth it has no slashes
	req.Close = true // want `needs a reason behind it`
	//lint:ignore berth
	req.Close = true // want `needs a reason behind it`
}
