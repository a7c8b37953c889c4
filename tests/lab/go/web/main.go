// Command web is what the end-to-end tests run in containers, on a real node: a tiny web server, the same one broken in
// the ways that it is tried for, and the process that holds a pod's network.
package main

import (
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	mode := "serve"
	if len(os.Args) > 1 {
		mode = os.Args[1]
	}
	switch mode {
	case "pause":
		pause()
	case "serve":
		serve()
	case "exit":
		fmt.Println("web: reading /etc/web/settings.conf")
		fmt.Fprintln(os.Stderr, "web: /etc/web/settings.conf:3: unknown key 'worker'; ending")
		os.Exit(3)
	case "eat":
		eat()
	default:
		fmt.Fprintln(os.Stderr, "usage: web pause|serve|exit|eat")
		os.Exit(2)
	}
}

// pause holds a pod's namespaces until it is told to end.
func pause() {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT)
	<-ended
}

// serve answers every request with the pod's name, until it is told to end.
func serve() {
	name, _ := os.Hostname()
	http.HandleFunc("/", func(answer http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(answer, "%s %s\n", name, os.Getenv("VERSION"))
	})
	go func() {
		if err := http.ListenAndServe(":8000", nil); err != nil {
			fmt.Fprintln(os.Stderr, "web:", err)
			os.Exit(1)
		}
	}()
	fmt.Println("web: serving on :8000")
	pause()
}

// eat takes memory, and uses it, until the kernel ends the process.
func eat() {
	fmt.Println("web: filling the cache")
	var kept [][]byte
	for {
		block := make([]byte, 1<<20)
		for index := range block {
			block[index] = byte(index)
		}
		kept = append(kept, block)
		time.Sleep(10 * time.Millisecond)
	}
}
