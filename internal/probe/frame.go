package probe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// A frameType is the kind of an HTTP/2 frame (RFC 9113, section 6).
type frameType byte

const (
	frameData         frameType = 0
	frameHeaders      frameType = 1
	frameReset        frameType = 3
	frameSettings     frameType = 4
	framePush         frameType = 5
	framePing         frameType = 6
	frameGoAway       frameType = 7
	frameContinuation frameType = 9
)

// Flags of frames.
const (
	flagEndStream  = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20
)

// maxFrame is the longest payload that a peer may send to one that has not
// asked for longer ones.
const maxFrame = 16 << 10

var errFrame = errors.New("malformed HTTP/2")

// A frame is one of HTTP/2.
type frame struct {
	kind    frameType
	flags   byte
	stream  uint32
	payload []byte
}

func (f frame) has(flag byte) bool { return f.flags&flag != 0 }

// readFrame reads the next frame.
func readFrame(r io.Reader) (frame, error) {
	var head [9]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return frame{}, err
	}
	if string(head[:5]) == "HTTP/" {
		return frame{}, errors.New("speaks HTTP/1, not gRPC")
	}
	f := frame{kind: frameType(head[3]), flags: head[4], stream: binary.BigEndian.Uint32(head[5:]) &^ (1 << 31)}
	n := int(head[0])<<16 | int(head[1])<<8 | int(head[2])
	if n > maxFrame {
		return frame{}, errFrame
	}
	f.payload = make([]byte, n)
	_, err := io.ReadFull(r, f.payload)
	return f, err
}

// append adds f as it goes over the wire.
func (f frame) append(out []byte) []byte {
	n := len(f.payload)
	out = append(out, byte(n>>16), byte(n>>8), byte(n), byte(f.kind), f.flags)
	out = binary.BigEndian.AppendUint32(out, f.stream)
	return append(out, f.payload...)
}

// content is the payload of a frame of data or headers without what stands
// around it.
func (f frame) content() ([]byte, error) {
	p, pad := f.payload, 0
	if f.has(flagPadded) {
		if len(p) == 0 {
			return nil, errFrame
		}
		pad, p = int(p[0]), p[1:]
	}
	if f.kind == frameHeaders && f.has(flagPriority) {
		if len(p) < 5 {
			return nil, errFrame
		}
		p = p[5:]
	}
	if pad > len(p) {
		return nil, errFrame
	}
	return p[:len(p)-pad], nil
}

// An h2Code is why a stream or a connection was ended.
type h2Code uint32

// String is the code's name in RFC 9113, section 7.
func (c h2Code) String() string {
	names := [...]string{"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT",
		"STREAM_CLOSED", "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR",
		"ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED"}
	if int64(c) < int64(len(names)) {
		return names[c]
	}
	return fmt.Sprintf("HTTP/2 error %d", uint32(c))
}
