// Asks once for each pair of method and URL; the proxy is that of the environment.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
)

func main() {
	for at := 1; at+1 < len(os.Args); at += 2 {
		request, err := http.NewRequest(os.Args[at], os.Args[at+1], nil)
		if err != nil {
			panic(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil {
			panic(err)
		}
		fmt.Println(response.Proto, response.Status)
		fmt.Println(string(body))
		if response.StatusCode >= 400 {
			os.Exit(1)
		}
	}
}
