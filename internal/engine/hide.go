package engine

import (
	"bytes"
	"fmt"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"

	"github.com/sandwright/sandwright/internal/redact"
)

// A hider takes secrets out of what a build says of itself. A step may print
// what it was trusted with.
type hider struct {
	set     *redact.Set
	streams map[string]*hidden // by step and stream
}

// hidden is one stream of a step's output.
type hidden struct {
	redact.Writer
	out    bytes.Buffer
	vertex digest.Digest
	stream int
}

func newHider(set *redact.Set) *hider { return &hider{set, map[string]*hidden{}} }

// hide changes s. What may be the beginning of a secret comes later, at the
// latest with the end of its step.
func (h *hider) hide(s *client.SolveStatus) {
	if h.set == nil {
		return
	}
	for _, l := range s.Logs {
		l.Data = h.stream(l).take(l.Data)
	}
	for _, v := range s.Vertexes {
		v.Name, v.Error = h.set.Text(v.Name), h.set.Text(v.Error)
		if v.Completed != nil {
			s.Logs = append(s.Logs, h.end(v.Digest, *v.Completed)...)
		}
	}
	for _, st := range s.Statuses {
		st.ID, st.Name = h.set.Text(st.ID), h.set.Text(st.Name)
	}
	for _, w := range s.Warnings {
		w.Short = []byte(h.set.Text(string(w.Short)))
		for i, detail := range w.Detail {
			w.Detail[i] = []byte(h.set.Text(string(detail)))
		}
	}
}

func (h *hider) stream(l *client.VertexLog) *hidden {
	key := fmt.Sprintf("%s %d", l.Vertex, l.Stream)
	if h.streams[key] == nil {
		one := &hidden{vertex: l.Vertex, stream: l.Stream}
		one.Writer = *h.set.Writer(&one.out)
		h.streams[key] = one
	}
	return h.streams[key]
}

// take gives what can be shown once data has come.
func (s *hidden) take(data []byte) []byte {
	_, _ = s.Write(data) // to memory
	return s.drain()
}

func (s *hidden) drain() []byte {
	defer s.out.Reset()
	return bytes.Clone(s.out.Bytes())
}

// end gives what was kept back of a step's output.
func (h *hider) end(vertex digest.Digest, at time.Time) (logs []*client.VertexLog) {
	for key, s := range h.streams {
		if s.vertex != vertex {
			continue
		}
		_ = s.Flush() // to memory
		if rest := s.drain(); len(rest) > 0 {
			logs = append(logs, &client.VertexLog{Vertex: vertex, Stream: s.stream, Data: rest, Timestamp: at})
		}
		delete(h.streams, key)
	}
	return logs
}
