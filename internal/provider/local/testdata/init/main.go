// Command init is the least supervisor there can be: it answers for its status
// and ends on SIGTERM. Its start-time variables say how else it behaves.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	control := flag.Int("control-fd", -1, "listening socket")
	env := flag.Int("env-fd", -1, "variables")
	flag.Parse()
	values := make(map[string]string)
	if err := json.NewDecoder(os.NewFile(uintptr(*env), "env")).Decode(&values); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	switch values["BEHAVE"] {
	case "fault":
		fmt.Fprintln(os.Stderr, "error: sandwright.yaml:3:5: cannot start: variable TOKEN is not set\nhint:  run: export TOKEN=…")
		os.Exit(78)
	case "crash":
		panic("crashed")
	case "silent":
		time.Sleep(time.Hour)
	}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM)
	if values["BEHAVE"] == "stubborn" {
		signal.Ignore(syscall.SIGTERM)
	}
	serve(*control, values)
	reap(ended)
}

func serve(fd int, values map[string]string) {
	l, err := net.FileListener(os.NewFile(uintptr(fd), "control"))
	if err != nil {
		panic(err)
	}
	http.HandleFunc("GET /v1/status", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"name": values["NAME"], "ready": true})
	})
	go func() { panic(http.Serve(l, nil)) }()
}

func reap(ended <-chan os.Signal) {
	children := make(chan os.Signal, 1)
	signal.Notify(children, syscall.SIGCHLD)
	for {
		select {
		case <-ended:
			return
		case <-children:
			for pid := 1; pid > 0; {
				pid, _ = syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
			}
		}
	}
}
