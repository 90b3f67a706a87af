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

func Commented(url string) (int, error) {
	resp, err := http.Get(url) // want `never closed`
	if err != nil {
		return 0, err
	} // the server may be down
	return resp.StatusCode, nil
}

// What follows is not for a program to change.

func Unchecked(url string) int {
	resp, _ := http.Get(url) // want `never closed`
	if resp.StatusCode != 200 {
		return 0
	}
	return resp.StatusCode
}

func get(url string) (error, *http.Response) { // want get:"returns an open body"
	resp, err := http.Get(url)
	return err, resp
}

func Turned(url string) error {
	err, resp := get(url) // want `never closed`
	if err != nil {
		return err
	}
	println(resp.StatusCode)
	return nil
}
