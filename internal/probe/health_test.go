package probe

import (
	"bytes"
	"testing"

	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/proto"
)

func TestHealthMessages(t *testing.T) {
	for _, name := range []string{"", "a", "my.package.Service/" + string(bytes.Repeat([]byte("x"), 300))} {
		var got grpc_health_v1.HealthCheckRequest
		if err := proto.Unmarshal(healthRequest(name), &got); err != nil || got.Service != name {
			t.Errorf("%q becomes %q, %v", name, got.Service, err)
		}
	}
	for status, name := range grpc_health_v1.HealthCheckResponse_ServingStatus_name {
		data, err := proto.Marshal(&grpc_health_v1.HealthCheckResponse{Status: grpc_health_v1.HealthCheckResponse_ServingStatus(status)})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := parseHealth(data); got.String() != name || err != nil {
			t.Errorf("%s becomes %s, %v", name, got, err)
		}
	}
}

func TestParseHealth(t *testing.T) {
	for data, want := range map[string]string{
		"":                         "UNKNOWN",
		"\x08\x01\x08\x02":         "NOT_SERVING",
		"\x12\x03abc\x08\x01":      "SERVING",
		"\x08\x01\x11ABCDEFGH":     "SERVING",
		"\x08\x01\x15ABCD\x18\x05": "SERVING",
		"\x08\x09":                 "status 9",
		"\x0a\x01\x01":             "UNKNOWN", // field 1, but a string
	} {
		if got, err := parseHealth([]byte(data)); got.String() != want || err != nil {
			t.Errorf("%q is %s, %v", data, got, err)
		}
	}
	for _, data := range []string{"\x08", "\x08\xff", "\x00\x01", "\x11ABC", "\x15A", "\x12\x05abc", "\x12", "\x0b", "\x0f", "\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x"} {
		if got, err := parseHealth([]byte(data)); err == nil {
			t.Errorf("%q is %s", data, got)
		}
	}
}

func TestEnvelope(t *testing.T) {
	if got, err := open(envelope([]byte("abc"))); string(got) != "abc" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for _, data := range []string{"", "\x00\x00\x00\x00", "\x01\x00\x00\x00\x00", "\x00\x00\x00\x00\x01", "\x00\x00\x00\x00\x01ab", "\x00\xff\xff\xff\xffx"} {
		if got, err := open([]byte(data)); err == nil {
			t.Errorf("%q is %q", data, got)
		}
	}
}

// FuzzHealth compares with the real reader wherever ours takes a message.
func FuzzHealth(f *testing.F) {
	f.Add([]byte("\x08\x01"))
	f.Add([]byte("\x12\x03abc\x15ABCD\x08\x02"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := parseHealth(data)
		var want grpc_health_v1.HealthCheckResponse
		if err != nil || proto.Unmarshal(data, &want) != nil {
			return
		}
		if int32(got) != int32(want.Status) {
			t.Errorf("%q is %s, want %s", data, got, want.Status)
		}
	})
}
