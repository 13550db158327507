package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/spec"
)

// anyText is a text as it was written: 1.10 stays "1.10". It
// holds no NUL byte, as no argument and no variable can.
func anyText(takes string) scalar[string] {
	return scalar[string]{
		takes: takes,
		parse: func(text string) (string, *reason) { return text, noNUL(text) },
		json:  schema{Type: []string{"string", "number", "boolean"}},
	}
}

// words is a text that matches the expression; what completes "a name is …".
func words(takes, expression, why string) scalar[string] {
	whole := "^(?:" + expression + ")$"
	re := lazy(whole)
	return scalar[string]{
		takes: takes,
		parse: func(text string) (string, *reason) {
			if !re().MatchString(text) {
				return "", &reason{why: why}
			}
			return text, nil
		},
		json: schema{Type: "string", Pattern: whole},
	}
}

// checked is a text that the rule accepts.
func checked(takes string, rule func(text string) *reason) scalar[string] {
	return scalar[string]{
		takes: takes,
		parse: func(text string) (string, *reason) { return text, rule(text) },
		json:  schema{Type: "string"},
	}
}

// as reads what s reads, and makes something else of it.
func as[V, W any](s scalar[V], of func(V) W) scalar[W] {
	return scalar[W]{
		takes: s.takes,
		tags:  s.tags,
		parse: func(text string) (w W, bad *reason) {
			v, bad := s.parse(text)
			if bad == nil {
				w = of(v)
			}
			return w, bad
		},
		json: s.json,
	}
}

// oneOf is one of a few words.
func oneOf(choices ...string) scalar[string] {
	all := strings.Join(choices[:len(choices)-1], ", ") + " or " + choices[len(choices)-1]
	return scalar[string]{
		takes: all,
		parse: func(text string) (string, *reason) {
			if !slices.Contains(choices, text) {
				return "", &reason{why: "it is " + all}
			}
			return text, nil
		},
		json: schema{Type: "string", Enum: choices},
	}
}

// whole is a whole number in decimal, from low to high; what names it with
// its article.
func whole[N int | int64 | uint32](what string, low, high int) scalar[N] {
	return scalar[N]{
		takes: fmt.Sprintf("a number from %d to %d", low, high),
		tags:  []string{"!!int"},
		parse: func(text string) (N, *reason) {
			n, err := strconv.Atoi(text)
			if err != nil || n < low || n > high {
				return 0, &reason{why: fmt.Sprintf("%s is %d to %d", what, low, high)}
			}
			return N(n), nil
		},
		json: schema{Type: "integer", Minimum: &low, Maximum: &high},
	}
}

func portNumber() scalar[int] { return whole[int]("a port", 1, 65535) }

// truth is true or false, and neither yes nor "true".
func truth() scalar[bool] {
	return scalar[bool]{
		takes: "true or false",
		tags:  []string{"!!bool"},
		parse: func(text string) (bool, *reason) { return strings.EqualFold(text, "true"), nil },
		json:  schema{Type: "boolean"},
	}
}

// DefaultAgent is the ID of the SSH agent that ssh: true is about.
const DefaultAgent = "default"

// agentID is true or false, or the ID of an SSH agent.
func agentID() scalar[string] {
	id := words("true, false or an ID", AgentID, "an ID is letters, digits, dots, dashes and underscores")
	return scalar[string]{
		takes: id.takes,
		tags:  []string{"!!bool", "!!str"},
		parse: func(text string) (string, *reason) {
			switch strings.ToLower(text) {
			case "true":
				return DefaultAgent, nil
			case "false":
				return "", nil
			}
			return id.parse(text)
		},
		json: schema{Type: []string{"boolean", "string"}, Pattern: id.json.Pattern},
	}
}

// AgentID is what the ID of an SSH agent matches.
const AgentID = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}"

// trueOnly is true; why says what to do in place of false.
func trueOnly(why string) scalar[bool] {
	return scalar[bool]{
		takes: "true",
		tags:  []string{"!!bool"},
		parse: func(text string) (bool, *reason) {
			if !strings.EqualFold(text, "true") {
				return false, &reason{why, "remove it"}
			}
			return true, nil
		},
		json: schema{Type: "boolean", Enum: []any{true}},
	}
}

// span is a duration from low to high.
func span(low, high time.Duration) scalar[spec.Duration] {
	return scalar[spec.Duration]{
		takes: "a duration, such as 30s",
		parse: func(text string) (spec.Duration, *reason) {
			v, err := time.ParseDuration(text)
			switch {
			case err != nil:
				return 0, &reason{"a duration is a number and its unit: ms, s, m or h", "such as 30s"}
			case v < low || v > high:
				return 0, &reason{why: fmt.Sprintf("it is from %s to %s", brief(low), brief(high))}
			}
			return spec.Duration(v), nil
		},
		json: schema{Type: "string", Pattern: `^([0-9.]+(ms|s|m|h))+$`},
	}
}

// age is a span of days or of what span takes, up to ten years.
func age() scalar[spec.Duration] {
	const most = 3650 * 24 * time.Hour
	hours := span(0, most)
	return scalar[spec.Duration]{
		takes: "an age, such as 7d",
		parse: func(text string) (spec.Duration, *reason) {
			days, ok := strings.CutSuffix(text, "d")
			n, err := strconv.ParseUint(days, 10, 12)
			switch {
			case ok && err == nil && time.Duration(n)*24*time.Hour <= most:
				return spec.Duration(time.Duration(n) * 24 * time.Hour), nil
			case !ok:
				if v, bad := hours.parse(text); bad == nil {
					return v, nil
				}
			}
			return 0, &reason{"an age is a whole number of days, up to ten years, or of hours and less", "such as 7d or 36h"}
		},
		json: schema{Type: "string", Pattern: `^([0-9]+d|([0-9.]+(ms|s|m|h))+)$`},
	}
}

// ParseAge reads an age as the file's minimum-age has it, such as 7d.
func ParseAge(text string) (time.Duration, error) {
	d, bad := age().parse(text)
	if bad != nil {
		return 0, fault.Cannot("use age %q: %s", text, bad.why).WithHint("such as 7d or 36h")
	}
	return time.Duration(d), nil
}

// brief is 1h where time.Duration says 1h0m0s.
func brief(d time.Duration) string {
	return strings.Replace(d.String(), "h0m0s", "h", 1)
}

// decimal is a number of cores or the like, from low to high, without an
// exponent.
func decimal(low, high float64) scalar[float64] {
	re := lazy(`^[0-9]{1,9}(\.[0-9]{1,9})?$`)
	return scalar[float64]{
		takes: fmt.Sprintf("a number from %g to %g", low, high),
		tags:  []string{"!!int", "!!float"},
		parse: func(text string) (float64, *reason) {
			v, err := strconv.ParseFloat(text, 64)
			if err != nil || !re().MatchString(text) || v < low || v > high {
				return 0, &reason{why: fmt.Sprintf("it is a number from %g to %g, such as 1.5", low, high)}
			}
			return v, nil
		},
		json: schema{Type: "number"},
	}
}

// byteUnits are the units of a size. k, M and G count in thousands, Ki, Mi
// and Gi in 1024s.
func byteUnits() map[string]int64 {
	return map[string]int64{
		"": 1, "B": 1,
		"kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9,
		"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30,
	}
}

// size is a number of bytes from low to high.
func size(low, high int64) scalar[int64] {
	re := lazy(`^([0-9]{1,12}) ?([A-Za-z]*)$`)
	return scalar[int64]{
		takes: "a size, such as 1MB",
		parse: func(text string) (int64, *reason) {
			m := re().FindStringSubmatch(text)
			if m == nil || byteUnits()[m[2]] == 0 {
				return 0, &reason{"a size is a whole number and its unit: kB, MB, GB, KiB, MiB or GiB", "such as 1MB"}
			}
			n, err := strconv.ParseInt(m[1], 10, 64)
			unit := byteUnits()[m[2]]
			if err != nil || n > high/unit || n*unit < low {
				return 0, &reason{why: fmt.Sprintf("it is from %d to %d bytes", low, high)}
			}
			return n * unit, nil
		},
		json: schema{Type: []string{"string", "integer"}},
	}
}

// ParseSize reads a size as the file takes it, for flags: bytes, or a whole
// number with its unit. The error says what a size is.
func ParseSize(text string, low, high int64) (int64, error) {
	n, bad := size(low, high).parse(text)
	if bad != nil {
		return 0, errors.New(bad.why)
	}
	return n, nil
}
