package a

import "net/http"

var inTest = &http.Transport{DisableKeepAlives: true}
