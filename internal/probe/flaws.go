package probe

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/sandwright/sandwright/internal/spec"
)

// MaxFD bounds the descriptor of a newline probe: the table that a process is
// started with has a place for each one below.
const MaxFD = 255

// Flaws is everything that is wrong with p for its use, in a stable order. Each
// is a clause, such as "its body is no regular expression: …".
func Flaws(use Use, p spec.Probe) []string {
	out := kindFlaws(p)
	if use == Live && (p.FD != 0 || p.Log != "") {
		out = append(out, "it is heard only once, and live needs one that is asked again or sd_notify")
	}
	return append(out, timeFlaws(use, p)...)
}

// kindFlaws is what is wrong with the kind of p and what belongs to it.
func kindFlaws(p spec.Probe) []string {
	kinds := kindsOf(p)
	if len(kinds) != 1 {
		return []string{fmt.Sprintf("it is not exactly one of fd, http, tcp, exec, grpc, notify and log%s", listed(kinds))}
	}
	var out []string
	for _, why := range []error{valueFlaw(p), socketFlaw(p, kinds[0])} {
		if why != nil {
			out = append(out, why.Error())
		}
	}
	return append(out, httpFlaws(p)...)
}

func listed(kinds []string) string {
	if len(kinds) == 0 {
		return ""
	}
	return " but " + strings.Join(kinds, " and ")
}

// kindsOf names every kind that p is.
func kindsOf(p spec.Probe) []string {
	var out []string
	note := func(is bool, kind string) {
		if is {
			out = append(out, kind)
		}
	}
	note(p.FD != 0, "fd")
	note(p.HTTP != "", "http")
	note(p.TCP != "", "tcp")
	note(len(p.Exec) > 0, "exec")
	note(p.GRPC != "", "grpc")
	note(p.Notify, "notify")
	note(p.Log != "", "log")
	return out
}

// valueFlaw is what is wrong with the value of p's kind.
func valueFlaw(p spec.Probe) error {
	switch {
	case p.FD != 0 && (p.FD < 3 || p.FD > MaxFD):
		return fmt.Errorf("its fd is not 3 to %d", MaxFD)
	case p.HTTP != "":
		_, err := parseURL(p.HTTP)
		return err
	case p.TCP != "" && p.Socket == "":
		return addressFlaw(p.TCP)
	case len(p.Exec) > 0 && p.Exec[0] == "":
		return errors.New("its command has no name")
	case p.GRPC != "":
		_, err := newGRPC(p)
		return err
	case p.Log != "":
		_, err := pattern("log", p.Log)
		return err
	}
	return nil
}

func socketFlaw(p spec.Probe, kind string) error {
	switch {
	case p.Socket == "":
		return nil
	case kind != "http" && kind != "grpc" && kind != "tcp":
		return fmt.Errorf("%s has no socket", kind)
	case !filepath.IsAbs(p.Socket):
		return fmt.Errorf("its socket %s is not absolute", p.Socket)
	case len(p.Socket) > maxSocketPath:
		return fmt.Errorf("its socket's path is longer than %d bytes", maxSocketPath)
	}
	return nil
}

// httpFlaws is what is wrong with status, headers and body.
func httpFlaws(p spec.Probe) []string {
	var out []string
	note := func(bad bool, format string, args ...any) {
		if bad {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	if p.HTTP == "" {
		note(p.Status != "" || len(p.Headers) > 0 || p.Body != "", "status, headers and body belong to http")
		return out
	}
	if p.Status != "" {
		_, err := parseStatus(p.Status)
		note(err != nil, "%v", err)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Headers)) {
		note(!isToken(name), "%q is no name of a header", name)
		note(strings.ContainsFunc(p.Headers[name], isControl), "the value of header %q holds a control character", name)
	}
	_, err := pattern("body", p.Body)
	note(err != nil, "%v", err)
	return out
}

func timeFlaws(use Use, p spec.Probe) []string {
	var out []string
	note := func(bad bool, format string, args ...any) {
		if bad {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	note(p.Interval != 0 && p.Interval.Std() < minInterval, "its interval is less than %s", minInterval)
	note(p.Timeout < 0, "its timeout is negative")
	note(p.Deadline < 0, "its deadline is negative")
	note(p.Deadline > 0 && use == Live, "live has no deadline")
	note(p.Failures < 0 || p.Successes < 0, "its failures or successes are negative")
	return out
}

// addressFlaw is what keeps address from being host:port.
func addressFlaw(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" || strings.ContainsFunc(host, isControl) {
		return fmt.Errorf("%q is no host:port", address)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("%q is no port: a port is 1 to 65535", port)
	}
	return nil
}

// pattern compiles the regular expression that key holds.
func pattern(key, text string) (*regexp.Regexp, error) {
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("its %s is no regular expression: %s", key, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	return re, nil
}

// isToken tells whether s is a token as HTTP has it.
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }
