package spec

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What the control socket answers; the keys are a promise.
func TestAnswerKeys(t *testing.T) {
	tests := []struct {
		value any
		want  string
	}{
		{Event{}, `{"time":"0001-01-01T00:00:00Z","service":"","state":"","restarts":0}`},
		{
			Event{time.Unix(0, 0).UTC(), "web", StateUnready, "r", "s", "b", 7, 2, true},
			`{"time":"1970-01-01T00:00:00Z","service":"web","state":"unready","reason":"r","says":"s","readyBy":"b","pid":7,"restarts":2,"gone":true}`,
		},
		{Reloaded{}, `{"started":[],"stopped":[],"restarted":[],"signaled":[],"unchanged":[]}`},
		{
			Reloaded{[]string{"a"}, []string{"b"}, []string{"c"}, []string{"s"}, []string{"d", "e"}},
			`{"started":["a"],"stopped":["b"],"restarted":["c"],"signaled":["s"],"unchanged":["d","e"]}`,
		},
		{
			ServiceStatus{Name: "a", State: StateWaiting, WaitsFor: "b"},
			`{"name":"a","state":"waiting","waitsFor":"b","restarts":0,"since":"0001-01-01T00:00:00Z","log":""}`,
		},
	}
	for _, tt := range tests {
		got, err := json.Marshal(tt.value)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, string(got)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}
