package fix

import "net/http"

func Status(url string) (int, error) {
	resp, err := http.Get(url) // want `never closed`
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, nil
}

// It has nowhere to be put that is surely right.
func Other(url string) int {
	resp, err := http.Get(url) // want `never closed`
	if err == nil {
		return resp.StatusCode
	}
	return 0
}
