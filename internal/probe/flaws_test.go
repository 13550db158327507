package probe

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

func TestFlaws(t *testing.T) {
	second := spec.Duration(time.Second)
	for _, tt := range []struct {
		use  Use
		p    spec.Probe
		want []string
	}{
		{Start, spec.Probe{HTTP: "https://[::1]:8443/health?x=1", Status: "200", Headers: map[string]string{"Host": "a", "X-Y": "b\tc"}, Body: "^ok", Deadline: second}, nil},
		{Ready, spec.Probe{FD: 3, Deadline: second}, nil},
		{Ready, spec.Probe{Log: "^listening on .*"}, nil},
		{Live, spec.Probe{TCP: "[::1]:80", Interval: second, Timeout: second, Failures: 1, Successes: 1}, nil},
		{Live, spec.Probe{Exec: []string{"true"}}, nil},
		{Live, spec.Probe{Notify: true}, nil},
		{Live, spec.Probe{GRPC: "localhost:50051/my.Service"}, nil},
		{Live, spec.Probe{GRPC: "/my.Service", Socket: "/run/x.sock"}, nil},
		{Ready, spec.Probe{}, []string{"it is not exactly one of fd, http, tcp, exec, grpc, notify and log"}},
		{Ready, spec.Probe{FD: 3, HTTP: "http://x", TCP: "x:1", Exec: []string{"x"}, GRPC: "x:1", Notify: true, Log: "x"},
			[]string{"it is not exactly one of fd, http, tcp, exec, grpc, notify and log but fd and http and tcp and exec and grpc and notify and log"}},
		{Ready, spec.Probe{FD: 2}, []string{"its fd is not 3 to 255"}},
		{Ready, spec.Probe{FD: 256}, []string{"its fd is not 3 to 255"}},
		{Ready, spec.Probe{FD: -1}, []string{"its fd is not 3 to 255"}},
		{Ready, spec.Probe{TCP: "x"}, []string{`"x" is no host:port`}},
		{Ready, spec.Probe{TCP: ":1"}, []string{`":1" is no host:port`}},
		{Ready, spec.Probe{TCP: "x:0"}, []string{`"0" is no port: a port is 1 to 65535`}},
		{Ready, spec.Probe{TCP: "x:65536"}, []string{`"65536" is no port: a port is 1 to 65535`}},
		{Ready, spec.Probe{Exec: []string{""}}, []string{"its command has no name"}},
		{Ready, spec.Probe{GRPC: "x/y"}, []string{`"x" is no host:port`}},
		{Ready, spec.Probe{GRPC: "x:1/a\nb"}, []string{`"a\nb" is no name of a gRPC service`}},
		{Ready, spec.Probe{Log: "("}, []string{"its log is no regular expression: missing closing ): `(`"}},
		{Ready, spec.Probe{Log: "x", Socket: "/x"}, []string{"log has no socket"}},
		{Ready, spec.Probe{TCP: "x", Socket: "x"}, []string{"its socket x is not absolute"}},
		{Ready, spec.Probe{TCP: "x", Socket: "/" + strings.Repeat("x", 107)}, []string{"its socket's path is longer than 107 bytes"}},
		{Ready, spec.Probe{TCP: "x:1", Body: "x"}, []string{"status, headers and body belong to http"}},
		{Live, spec.Probe{FD: 3, Deadline: second}, []string{
			"it is heard only once, and live needs one that is asked again or sd_notify", "live has no deadline"}},
		{Ready, spec.Probe{HTTP: "http://x/", Status: "2", Headers: map[string]string{"b": "\n", "a b": "", "": ""}, Body: "["}, []string{
			`"2" is no range of statuses such as 200-299,304`, `"" is no name of a header`, `"a b" is no name of a header`,
			`the value of header "b" holds a control character`, "its body is no regular expression: missing closing ]: `[`"}},
		{Ready, spec.Probe{HTTP: "http://x/", Interval: 1, Timeout: -1, Deadline: -1, Failures: -1}, []string{
			"its interval is less than 10ms", "its timeout is negative", "its deadline is negative", "its failures or successes are negative"}},
	} {
		if got := Flaws(tt.use, tt.p); !slices.Equal(got, tt.want) {
			t.Errorf("%+v:\n got %q\nwant %q", tt.p, got, tt.want)
		}
	}
}

func TestFlawsOfURLs(t *testing.T) {
	for _, address := range []string{"localhost:80", "/health", "ftp://localhost/", "http://", "http://:80/", "http://[::1", "http://a b/"} {
		if got := Flaws(Ready, spec.Probe{HTTP: address}); len(got) != 1 || !strings.Contains(got[0], "is no http URL") {
			t.Errorf("%q: %q", address, got)
		}
	}
}

// A host in another script would have to be mapped as browsers do.
func TestFlawsOfHostsThatAreNotASCII(t *testing.T) {
	for address, want := range map[string]string{
		"http://b\u00fccher.example:80/": "its host \"b\u00fccher.example\" is not ASCII: its name in the DNS begins with xn--",
		"http://b%C3%BCcher/":            "its host \"b\u00fccher\" is not ASCII: its name in the DNS begins with xn--",
		"http://xn--bcher-kva.example/":  "",
		"http://localhost/b\u00fccher":   "",
	} {
		if got := strings.Join(Flaws(Ready, spec.Probe{HTTP: address}), "; "); got != want {
			t.Errorf("%q: %q, want %q", address, got, want)
		}
	}
}

func TestUseHasTheNameOfItsKey(t *testing.T) {
	if got := []string{Start.String(), Ready.String(), Live.String()}; !slices.Equal(got, []string{"start", "ready", "live"}) {
		t.Errorf("got %q", got)
	}
}
