package config

import (
	"cmp"
	"errors"
	"net"
	"net/url"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"github.com/sandwright/sandwright/internal/spec"
)

// probeURL accepts an address inside the box.
func probeURL(text string) *reason {
	const such = "such as http://127.0.0.1:3000/health"
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return &reason{"it is not an http URL", such}
	case !inBox(u.Hostname()):
		return &reason{"a probe asks inside the box only, at 127.0.0.1, [::1] or localhost", such}
	case u.User != nil || u.Fragment != "":
		return &reason{"it holds a user or a fragment", such}
	}
	if _, ok := urlPort(u); !ok {
		return &reason{"a port is 1 to 65535", such}
	}
	return nil
}

func inBox(host string) bool { return slices.Contains([]string{"127.0.0.1", "::1", "localhost"}, host) }

// urlPort is the port that a request for u goes to.
func urlPort(u *url.URL) (int, bool) {
	switch {
	case u.Port() != "":
		return port(u.Port())
	case u.Scheme == "https":
		return 443, true
	}
	return 80, true
}

func port(text string) (int, bool) {
	n, err := strconv.ParseUint(text, 10, 16)
	return int(n), err == nil && n > 0
}

// probeAddress accepts HOST:PORT inside the box.
func probeAddress(text string) *reason {
	host, number, err := net.SplitHostPort(text)
	if _, ok := port(text); ok {
		return &reason{"it has no host", "write 127.0.0.1:" + text}
	}
	if err != nil {
		return &reason{"it is not an address", "such as 127.0.0.1:5432"}
	}
	if !inBox(host) {
		return &reason{"a probe asks inside the box only, at 127.0.0.1, [::1] or localhost", "such as 127.0.0.1:5432"}
	}
	if _, ok := port(number); !ok {
		return &reason{"a port is 1 to 65535", "such as 127.0.0.1:5432"}
	}
	return nil
}

// grpcAddress accepts HOST:PORT, or HOST:PORT/SERVICE.
func grpcAddress(text string) *reason {
	address, service, named := strings.Cut(text, "/")
	if bad := probeAddress(address); bad != nil {
		return bad
	}
	if named && !regexp.MustCompile(`^[!-~]{1,200}$`).MatchString(service) {
		return &reason{"a name of a gRPC service is letters, digits, dots and the like", "such as 127.0.0.1:50051/orders"}
	}
	return nil
}

// askedPort is the port that a probe asks, or 0.
func askedPort(p *spec.Probe) int {
	if p == nil || p.Socket != "" {
		return 0
	}
	if u, err := url.Parse(p.HTTP); err == nil && p.HTTP != "" {
		n, _ := urlPort(u)
		return n
	}
	address, _, _ := strings.Cut(cmp.Or(p.TCP, p.GRPC), "/")
	_, number, _ := net.SplitHostPort(address)
	n, _ := port(number)
	return n
}

// socketPath accepts what fits into the address of a unix socket.
func socketPath(text string) *reason {
	const most = 107
	if len(text) > most {
		return &reason{why: "the path of a unix socket has at most 107 bytes"}
	}
	return boxPath(text)
}

// statusRanges accepts codes and ranges with commas between.
func statusRanges(text string) *reason {
	code := regexp.MustCompile(`^[1-5][0-9]{2}$`)
	for item := range strings.SplitSeq(withoutSpaces(text), ",") {
		from, to, ok := strings.Cut(item, "-")
		if !ok {
			to = from
		}
		if !code.MatchString(from) || !code.MatchString(to) || from > to {
			return &reason{"a status is 100 to 599, and a range goes up", "such as 200-299,304"}
		}
	}
	return nil
}

func withoutSpaces(text string) string { return strings.ReplaceAll(text, " ", "") }

// headerName accepts what HTTP calls a token.
func headerName() func(string) *reason {
	return nameRule("[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", "a header's name is letters, digits and dashes")
}

// gitVariable accepts the name of a variable of git's configuration.
func gitVariable() func(string) *reason {
	return nameRule(`[A-Za-z][A-Za-z0-9-]{0,62}(\.[^\x00-\x1f\x7f]{1,200})?\.[A-Za-z][A-Za-z0-9-]{0,62}`, "a variable of git is section.key or section.subsection.key")
}

// headerValue accepts text in one line.
func headerValue(text string) *reason {
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		return &reason{why: "it holds a control character"}
	}
	return nil
}

// regularExpression accepts what Go's regexp does. It does not compile it:
// that may take far longer than reading it.
func regularExpression(text string) *reason {
	if text == "" {
		return &reason{why: "it is empty, and would match anything"}
	}
	_, err := syntax.Parse(text, syntax.Perl)
	var bad *syntax.Error
	if errors.As(err, &bad) {
		return &reason{"it is no regular expression: " + bad.Code.String(), "the syntax is RE2's"}
	}
	return nil
}

// userAndGroup accepts USER or USER:GROUP, names or numbers.
func userAndGroup() func(string) *reason {
	word := lazy(`^[a-zA-Z_][a-zA-Z0-9_.-]{0,31}$`)
	fits := func(text string) bool { return word().MatchString(text) || isID(text) }
	return func(text string) *reason {
		user, group, both := strings.Cut(text, ":")
		if !fits(user) || both && !fits(group) {
			return &reason{"a user is USER or USER:GROUP, names or numbers", "such as postgres, or 1000:1000"}
		}
		return nil
	}
}

// isID tells whether text is the shortest decimal of a user or group number.
// The highest of 32 bits means none to the kernel.
func isID(text string) bool {
	n, err := strconv.ParseUint(text, 10, 32)
	return err == nil && strconv.FormatUint(n, 10) == text && n < 1<<32-1
}
