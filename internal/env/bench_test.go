package env

import (
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
	"github.com/sandwright/sandwright/internal/vartype"
)

// mixed is n variables of every type, with a value for each.
func mixed(n int) (s spec.Spec, given map[string]string) {
	given = map[string]string{}
	rules := []struct {
		rule spec.Rule
		text string
	}{
		{spec.Rule{}, "a text"},
		{typed(vartype.Int), "-12"},
		{typed(vartype.Float), "1.5e3"},
		{typed(vartype.Bool), "true"},
		{typed(vartype.Port), "3000"},
		{spec.Rule{Type: vartype.URL, Schemes: []string{"https"}}, "https://u:p@example.com:8443/a?b=c"},
		{typed(vartype.Host), "db.internal"},
		{typed(vartype.HostPort), "db.internal:5432"},
		{typed(vartype.Email), "ops@example.com"},
		{typed(vartype.Duration), "1m30s"},
		{typed(vartype.Bytes), "64KiB"},
		{spec.Rule{Type: vartype.Enum, Values: []string{"debug", "info"}}, "info"},
		{spec.Rule{Type: vartype.Path, Kind: "dir"}, "/"},
		{spec.Rule{Type: vartype.JSON, Schema: `{"type":"object","properties":{"beta":{"type":"boolean"}}}`}, `{"beta":true}`},
		{spec.Rule{Type: vartype.Base64, MinBytes: 8}, "c2VzYW1lLW9wZW4="},
		{spec.Rule{Type: vartype.List, Items: vartype.Int}, "1, 2, 3"},
		{typed(vartype.Cron), "*/5 0-6 * * MON"},
		{typed(vartype.Semver), "1.2.3-rc.1"},
		{spec.Rule{Type: vartype.Regex, Pattern: "sk-[a-z0-9]{8,}"}, "sk-12345678"},
	}
	for i := range n {
		r := rules[i%len(rules)]
		name := fmt.Sprintf("VARIABLE_%03d", i)
		if r.rule.Type == vartype.Regex {
			r.rule.Pattern += fmt.Sprintf("|v%d", i) // no two are the same
		}
		s.Variables = append(s.Variables, spec.Variable{Name: name, At: fmt.Sprintf("sandwright.yaml:%d:3", i+4), Rule: r.rule, Required: i%2 == 0, Secret: i%5 == 0})
		given[name] = r.text
	}
	s.Services = []spec.Service{{Name: "web", Command: []string{"web"}}}
	s.Version = spec.Version
	return s, given
}

// cpuTime is what this process has used of the processors, whatever else they
// do.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkCheckOf200 is what PID 1 does before anything starts: it reads 200
// variables of every type out of the image's spec and checks them. The peer
// only reads the spec.
func BenchmarkCheckOf200(b *testing.B) {
	s, given := mixed(200)
	data, err := spec.Encode(s)
	if err != nil {
		b.Fatal(err)
	}
	source := Source{Name: "the environment", Values: given, Ambient: true}
	b.Run("check", func(b *testing.B) {
		b.ReportAllocs()
		began := cpuTime(b)
		for b.Loop() {
			s, err := spec.Decode(data)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := (Resolver{Stat: os.Stat}).Resolve(FromSpec(s), source); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64((cpuTime(b)-began).Microseconds())/1000/float64(b.N), "cpu-ms/op")
	})
	b.Run("peer", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := spec.Decode(data); err != nil {
				b.Fatal(err)
			}
		}
	})
}
