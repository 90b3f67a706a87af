// Berthclient uses a berth.Transport whose pool is too small.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"

	"github.com/berth-go/berth"
)

var client = &http.Client{Transport: &berth.Transport{MaxIdleConnsPerHost: 2}}

func main() {
	n, _ := strconv.Atoi(os.Args[2])
	for range n / 20 {
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() { fetch(os.Args[1] + "burst") })
		}
		all.Wait()
	}
	fmt.Println("done")
}

func fetch(url string) {
	resp, err := client.Get(url)
	if err != nil {
		return
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
}
