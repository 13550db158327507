package svlog

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

// Why a program has ended is what is told of it, and not the end of its stack
// trace, in however many pieces it arrives.
func TestLastIsTheErrorOfATrace(t *testing.T) {
	const trace = "listening\n/srv/main.js:1\nthrow new TypeError('no port')\n^\n\nTypeError [ERR_PORT]: no port\n    at main (/srv/main.js:1:7)\n    at x {\n  code: 'ERR_PORT'\n}\n\nNode.js v24.1.0\n"
	for name, tt := range map[string]struct{ write, want string }{
		"node":                        {trace, "TypeError [ERR_PORT]: no port"},
		"pnpm 10 runs it":             {trace + "\u2009ELIFECYCLE\u2009 Command failed with exit code 1.\n", "TypeError [ERR_PORT]: no port"},
		"pnpm 11 runs it":             {trace + "[ELIFECYCLE] Command failed.\n", "TypeError [ERR_PORT]: no port"},
		"npm runs it":                 {trace + "npm error Lifecycle script `start` failed with error:\nnpm error code 1\n", "TypeError [ERR_PORT]: no port"},
		"a line after it":             {trace + "gone\n", "gone"},
		"indented after it":           {trace + "gone\n  away\n", "away"},
		"no error":                    {"one\n  two\n", "two"},
		"a trace without its message": {"x\n\nNode.js v24.1.0\n", "Node.js v24.1.0"},
		"npm's own":                   {"npm error Missing script: \"start\"\nnpm error\nnpm error see npm run\n", "npm error see npm run"},
		"a usual error":               {"error: cannot find x\n  in y\n", "error: cannot find x"},
		"an error's name in a text":   {"an Error: x\n  y\n", "y"},
		"far from its error":          {"Error: x\n" + strings.Repeat("    at y\n", traceLines) + "  z\n", "z"},
	} {
		for _, piece := range []int{len(tt.write), 1} {
			if piece == 1 && name == "far from its error" {
				continue // alone, each of these lines is near
			}
			l := open(t, t.TempDir(), spec.Rotation{})
			w, s := pipe(t, l)
			for rest := tt.write; rest != ""; rest = rest[min(piece, len(rest)):] {
				fmt.Fprint(w, rest[:min(piece, len(rest))])
			}
			s.Flush(time.Minute)
			if got := l.Last(); got != tt.want {
				t.Errorf("%s, in pieces of %d: %q, want %q", name, piece, got, tt.want)
			}
		}
	}
}
