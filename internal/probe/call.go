package probe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Bounds of one call.
const (
	maxFrames  = 1000     // of any kind
	maxBlock   = 32 << 10 // bytes of one header as sent
	maxReply   = 8 << 10  // bytes of the reply's messages
	callStream = 1
)

// preface is the first that a client says.
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// A call is one request over an HTTP/2 connection of its own, without TLS. It
// does as much of RFC 9113 as a client needs that sends one small request.
// Windows need no care: what is sent and read fits into the first.
type call struct {
	conn    io.ReadWriter
	decoder *decoder
	block   []byte // the header that is being read
	headers bool   // a header is being read: CONTINUATION has to follow
	last    bool   // that header ends the stream
	reply
}

// A reply is the answer to a call.
type reply struct {
	header  []field // fields of the header and the trailer
	message []byte
	done    bool
}

// get is the last value of a field, or empty.
func (r *reply) get(name string) string {
	for i := len(r.header) - 1; i >= 0; i-- {
		if r.header[i].name == name {
			return r.header[i].value
		}
	}
	return ""
}

// exchange sends header and body and reads the whole reply.
func exchange(conn io.ReadWriter, header []field, body []byte) (*reply, error) {
	c := &call{conn: conn, decoder: newDecoder()}
	var block []byte
	for _, f := range header {
		block = appendField(block, f)
	}
	// No pushes: SETTINGS_ENABLE_PUSH is 0.
	out := frame{kind: frameSettings, payload: []byte{0, 2, 0, 0, 0, 0}}.append([]byte(preface))
	out = frame{kind: frameHeaders, flags: flagEndHeaders, stream: callStream, payload: block}.append(out)
	out = frame{kind: frameData, flags: flagEndStream, stream: callStream, payload: body}.append(out)
	// A peer that hangs up at once may have said why.
	_, sent := conn.Write(out)
	for n := 0; !c.done; n++ {
		f, err := readFrame(conn)
		switch {
		case err != nil && sent != nil:
			return nil, sent
		case err != nil:
			return nil, err
		case n == 0 && f.kind != frameSettings:
			return nil, errors.New("speaks no HTTP/2")
		case n > maxFrames:
			return nil, errors.New("too many frames")
		}
		if err := c.take(f); err != nil {
			return nil, err
		}
	}
	return &c.reply, nil
}

// take is the next frame.
func (c *call) take(f frame) error {
	if c.headers != (f.kind == frameContinuation) {
		return errFrame
	}
	switch f.kind {
	case frameHeaders, frameContinuation, frameData, frameReset:
		if f.stream != callStream {
			return errFrame
		}
		return c.takeOwn(f)
	case frameSettings, framePing:
		return c.acknowledge(f)
	case frameGoAway:
		return c.goAway(f)
	case framePush:
		return errFrame
	}
	return nil // priorities, windows and what is not known
}

// takeOwn is a frame of the call's stream.
func (c *call) takeOwn(f frame) error {
	switch f.kind {
	case frameReset:
		if len(f.payload) != 4 {
			return errFrame
		}
		return fmt.Errorf("stream reset: %s", h2Code(binary.BigEndian.Uint32(f.payload)))
	case frameContinuation:
		return c.addBlock(f, f.payload)
	}
	content, err := f.content()
	switch {
	case err != nil:
		return err
	case f.kind == frameHeaders:
		c.headers, c.last = true, f.has(flagEndStream)
		return c.addBlock(f, content)
	case c.header == nil:
		return errFrame
	}
	c.message = append(c.message, content...)
	c.done = f.has(flagEndStream)
	if len(c.message) > maxReply {
		return errors.New("reply too large")
	}
	return nil
}

// addBlock is a piece of a header.
func (c *call) addBlock(f frame, piece []byte) error {
	if c.block = append(c.block, piece...); len(c.block) > maxBlock {
		return errHeaderBig
	}
	if !f.has(flagEndHeaders) {
		return nil
	}
	fields, err := c.decoder.decode(c.block)
	if err != nil {
		return err
	}
	c.block, c.headers, c.done = nil, false, c.last
	if interim(fields) && !c.last {
		return nil
	}
	c.header = append(c.header, fields...)
	return nil
}

// interim tells whether a header is only a 1xx status, before the real one.
func interim(header []field) bool {
	return len(header) > 0 && header[0].name == ":status" && strings.HasPrefix(header[0].value, "1")
}

// acknowledge answers settings and pings.
func (c *call) acknowledge(f frame) error {
	size := len(f.payload)
	switch {
	case f.stream != 0 || f.kind == framePing && size != 8 || f.kind == frameSettings && size%6 != 0:
		return errFrame
	case f.has(flagAck):
		return nil
	case f.kind == frameSettings:
		f.payload = nil
	}
	f.flags = flagAck
	// If the peer has hung up, what it said before is still to be read.
	_, _ = c.conn.Write(f.append(nil))
	return nil
}

// goAway is a peer that takes no more calls. If it still answers this one,
// that is all that matters.
func (c *call) goAway(f frame) error {
	if f.stream != 0 || len(f.payload) < 8 {
		return errFrame
	}
	last, code := binary.BigEndian.Uint32(f.payload)&^(1<<31), h2Code(binary.BigEndian.Uint32(f.payload[4:]))
	if last >= callStream && code == 0 {
		return nil
	}
	return errors.New(strings.TrimSuffix(fmt.Sprintf("connection refused a call: %s: %s", code, f.payload[8:]), ": "))
}
