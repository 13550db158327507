package probe

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"testing"
)

// A tape is a connection whose other side has said everything already.
type tape struct {
	io.Reader
	said bytes.Buffer
}

func (t *tape) Write(p []byte) (int, error) { return t.said.Write(p) }

// stream joins frames, after the settings that a server begins with.
func stream(frames ...frame) []byte {
	out := frame{kind: frameSettings}.append(nil)
	for _, f := range frames {
		out = f.append(out)
	}
	return out
}

// headers is a frame of the call's stream with fields.
func headers(kind frameType, flags byte, fields ...field) frame {
	f := frame{kind: kind, flags: flags, stream: callStream}
	for _, one := range fields {
		f.payload = appendField(f.payload, one)
	}
	return f
}

func data(flags byte, payload string) frame {
	return frame{kind: frameData, flags: flags, stream: callStream, payload: []byte(payload)}
}

func goAway(last, code uint32, why string) frame {
	payload := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, last), code)
	return frame{kind: frameGoAway, payload: append(payload, why...)}
}

var (
	begin = headers(frameHeaders, flagEndHeaders, field{":status", "200"}, field{"content-type", "application/grpc+proto"})
	end   = headers(frameHeaders, flagEndHeaders|flagEndStream, field{"grpc-status", "0"})
)

// with is f with other flags and something around its payload.
func (f frame) with(flags byte, before, after string) frame {
	f.flags |= flags
	f.payload = append(append([]byte(before), f.payload...), after...)
	return f
}

const answerOK = "\x00\x00\x00\x00\x02\x08\x01"

// What a server may do, and few do.
func TestExchange(t *testing.T) {
	split := begin
	split.flags, split.payload = 0, begin.payload[:7]
	for name, frames := range map[string][]frame{
		"plain":        {begin, data(0, answerOK), end},
		"in pieces":    {begin, data(0, answerOK[:1]), data(0, ""), data(0, answerOK[1:6]), data(0, answerOK[6:]), end},
		"padded":       {begin.with(flagPadded, "\x03", "abc"), data(flagPadded, "\x02"+answerOK+"xx"), end.with(flagPadded, "\x00", "")},
		"priority":     {begin.with(flagPriority, "\x00\x00\x00\x00\x10", ""), data(0, answerOK), end.with(flagPadded|flagPriority, "\x01\x00\x00\x00\x00\x10", "x")},
		"continued":    {split, headers(frameContinuation, 0), {kind: frameContinuation, flags: flagEndHeaders, stream: 1, payload: begin.payload[7:]}, data(0, answerOK), end},
		"interim":      {headers(frameHeaders, flagEndHeaders, field{":status", "103"}, field{"link", "x"}), begin, data(0, answerOK), end},
		"other frames": {{kind: 8, payload: make([]byte, 4)}, begin, {kind: 8, stream: 1, payload: make([]byte, 4)}, {kind: 2, stream: 7, payload: make([]byte, 5)}, {kind: 99, stream: 3}, data(0, answerOK), end},
		"settings":     {{kind: frameSettings, flags: flagAck}, {kind: frameSettings, payload: make([]byte, 12)}, begin, data(0, answerOK), end},
		"goes away":    {goAway(1, 0, ""), begin, data(0, answerOK), end},
		"one data":     {begin, data(flagEndStream, answerOK)},
	} {
		r, err := exchange(&tape{Reader: bytes.NewReader(stream(frames...))}, nil, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if string(r.message) != answerOK || r.get(":status") != "200" || (name != "one data" && r.get("grpc-status") != "0") {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestExchangeRefuses(t *testing.T) {
	many := bytes.Repeat([]byte("x"), maxFrame)
	for name, tt := range map[string]struct {
		frames []frame
		want   string
	}{
		"nothing":             {nil, "EOF"},
		"cut":                 {[]frame{begin, data(0, answerOK)}, "EOF"},
		"reset":               {[]frame{begin, {kind: frameReset, stream: 1, payload: []byte{0, 0, 0, 7}}}, "stream reset: REFUSED_STREAM"},
		"odd reset":           {[]frame{{kind: frameReset, stream: 1, payload: []byte{0, 0, 1, 0}}}, "stream reset: HTTP/2 error 256"},
		"short reset":         {[]frame{{kind: frameReset, stream: 1}}, "malformed HTTP/2"},
		"goes away":           {[]frame{goAway(0, 0, "")}, "connection refused a call: NO_ERROR"},
		"is angry":            {[]frame{goAway(1, 11, "too_many_pings")}, "connection refused a call: ENHANCE_YOUR_CALM: too_many_pings"},
		"short goaway":        {[]frame{{kind: frameGoAway, payload: make([]byte, 7)}}, "malformed HTTP/2"},
		"goaway of a stream":  {[]frame{{kind: frameGoAway, stream: 1, payload: make([]byte, 8)}}, "malformed HTTP/2"},
		"push":                {[]frame{{kind: framePush, stream: 1, payload: make([]byte, 8)}}, "malformed HTTP/2"},
		"another stream":      {[]frame{{kind: frameHeaders, stream: 3, flags: flagEndHeaders}}, "malformed HTTP/2"},
		"data first":          {[]frame{data(flagEndStream, answerOK)}, "malformed HTTP/2"},
		"data within headers": {[]frame{headers(frameHeaders, 0, field{"a", "b"}), data(0, "x")}, "malformed HTTP/2"},
		"bare continuation":   {[]frame{headers(frameContinuation, flagEndHeaders, field{"a", "b"})}, "malformed HTTP/2"},
		"padding too long":    {[]frame{begin, data(flagPadded, "\x05abc")}, "malformed HTTP/2"},
		"no padding":          {[]frame{begin, data(flagPadded, "")}, "malformed HTTP/2"},
		"short priority":      {[]frame{{kind: frameHeaders, stream: 1, flags: flagPriority, payload: make([]byte, 4)}}, "malformed HTTP/2"},
		"odd settings":        {[]frame{{kind: frameSettings, payload: make([]byte, 5)}}, "malformed HTTP/2"},
		"short ping":          {[]frame{{kind: framePing, payload: make([]byte, 7)}}, "malformed HTTP/2"},
		"ping of a stream":    {[]frame{{kind: framePing, stream: 1, payload: make([]byte, 8)}}, "malformed HTTP/2"},
		"long frame":          {[]frame{{kind: 99, payload: make([]byte, maxFrame+1)}}, "malformed HTTP/2"},
		"bad HPACK":           {[]frame{{kind: frameHeaders, stream: 1, flags: flagEndHeaders, payload: []byte{0x80}}}, "malformed HPACK"},
		"endless headers": {[]frame{{kind: frameHeaders, stream: 1, payload: many}, {kind: frameContinuation, stream: 1, payload: many},
			{kind: frameContinuation, stream: 1, payload: many}}, "header too large"},
		"endless body": {[]frame{begin, data(0, strings.Repeat("x", maxReply)), data(0, "x")}, "reply too large"},
		"flood":        {make([]frame, maxFrames+1), "malformed HTTP/2"},
	} {
		if name == "flood" {
			for i := range tt.frames {
				tt.frames[i] = frame{kind: 99}
			}
			tt.want = "too many frames"
		}
		r, err := exchange(&tape{Reader: bytes.NewReader(stream(tt.frames...))}, nil, nil)
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: %+v, %v, want %q", name, r, err, tt.want)
		}
	}
}

// Settings and pings are answered, and answers are not.
func TestExchangeAcknowledges(t *testing.T) {
	ping := frame{kind: framePing, payload: []byte("12345678")}
	wire := &tape{Reader: bytes.NewReader(stream(ping, ping.with(flagAck, "", ""), begin, end))}
	if _, err := exchange(wire, []field{{":method", "POST"}}, []byte("body")); err != nil {
		t.Fatal(err)
	}
	sent, ok := bytes.CutPrefix(wire.said.Bytes(), []byte(preface))
	if !ok {
		t.Fatal("no preface")
	}
	var kinds []frame
	for r := bytes.NewReader(sent); r.Len() > 0; {
		f, err := readFrame(r)
		if err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, f)
	}
	if len(kinds) != 5 || kinds[3].kind != frameSettings || !kinds[3].has(flagAck) || len(kinds[3].payload) != 0 {
		t.Fatalf("sent %+v", kinds)
	}
	if last := kinds[4]; last.kind != framePing || !last.has(flagAck) || string(last.payload) != "12345678" {
		t.Errorf("sent %+v", last)
	}
}

func TestRefusal(t *testing.T) {
	for want, header := range map[string][]field{
		"HTTP status 404, not gRPC":      {{":status", "404"}},
		"HTTP status , not gRPC":         {{"a", "b"}},
		`speaks no gRPC but "text/html"`: {{":status", "200"}, {"content-type", "text/html"}},
		"no grpc-status in the answer":   {{":status", "200"}, {"content-type", "application/grpc"}},
		"UNAVAILABLE: 5% left\n":         {{":status", "200"}, {"grpc-status", "14"}, {"grpc-message", "5%25 left%0A"}},
		"UNAVAILABLE: 5%zz":              {{":status", "503"}, {"grpc-status", "14"}, {"grpc-message", "5%zz"}},
		"UNKNOWN":                        {{"grpc-status", "0"}, {"grpc-status", "2"}},
	} {
		if err := (&reply{header: header}).refusal(); err == nil || err.Error() != want {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func FuzzExchange(f *testing.F) {
	f.Add(stream(begin, data(0, answerOK), end))
	f.Add(stream(begin.with(flagPadded, "\x03", "abc"), goAway(1, 0, ""), data(flagEndStream, answerOK)))
	f.Add(stream(headers(frameHeaders, 0, field{"a", "b"}), headers(frameContinuation, flagEndHeaders), frame{kind: frameReset, stream: 1, payload: make([]byte, 4)}))
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	f.Fuzz(func(t *testing.T, said []byte) {
		r, err := exchange(&tape{Reader: bytes.NewReader(said)}, nil, nil)
		if err != nil {
			return
		}
		if len(r.message) > maxReply || !r.done {
			t.Errorf("got %+v", r)
		}
		if message, err := open(r.message); err == nil {
			_, _ = parseHealth(message)
		}
		_ = r.refusal()
	})
}
