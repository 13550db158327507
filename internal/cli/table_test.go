package cli

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/provider"
	"github.com/sandwright/sandwright/internal/spec"
)

func sampleView() view {
	return newView(
		provider.Info{ID: "demo-1", Name: "demo", LogDir: "/logs", Ports: []provider.Port{{Host: 13000, Box: 3000}}},
		spec.Status{Services: []spec.ServiceStatus{
			{Name: "web", State: spec.StateReady, ReadyBy: "GET /health 200", ReadyAfter: spec.Duration(2013 * time.Millisecond), PID: 12, Port: 3000},
			{Name: "api", State: spec.StateFailed, Reason: "not ready after 30s:\nGET … \x1b[31mrefused\x1b[0m", Port: 3001, Restarts: 2},
			{Name: "worker", State: spec.StateReady, ReadyBy: "started", ReadyAfter: spec.Duration(1500 * time.Microsecond), PID: 14},
		}})
}

func TestTable(t *testing.T) {
	var out bytes.Buffer
	if err := sampleView().print(&out, false); err != nil {
		t.Fatal(err)
	}
	// What drives a terminal is replaced: the box wrote it.
	const want = "" +
		"SERVICE  STATE   READINESS                                    PID  PORT                   LOG\n" +
		"web      ready   GET /health 200 after 2.01s                  12   127.0.0.1:13000->3000  /logs/web/current\n" +
		"api      failed  not ready after 30s: GET … \uFFFD[31mrefused\uFFFD[0m  -    3001                   /logs/api/current\n" +
		"worker   ready   started after 2ms                            14   -                      /logs/worker/current\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestTableAsJSON(t *testing.T) {
	var out bytes.Buffer
	if err := sampleView().print(&out, true); err != nil {
		t.Fatal(err)
	}
	var got view
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sampleView(), got); diff != "" {
		t.Error(diff)
	}
}

func TestShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 1499 * time.Microsecond: "1ms", 999 * time.Millisecond: "999ms", 2013 * time.Millisecond: "2.01s", 61 * time.Second: "1m1s",
	} {
		if got := short(d); got != want {
			t.Errorf("%v is %s, want %s", d, got, want)
		}
	}
}
