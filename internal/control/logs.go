package control

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// The formats of GET /v1/logs.
const (
	formatText = "text"
	formatJSON = "json"
)

// stream gives lines of logs for as long as the client reads and both sides
// live.
func (h *handler) stream(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r, "service", "lines", "follow", "format")
	sel, lines, follow, format := q.services(), q.count("lines"), q.flag("follow"), q.choice("format", formatText, formatJSON)
	if err := q.err(); err != nil {
		return err
	}
	if h.logs == nil {
		return absent("read logs")
	}
	s, err := h.now(r.Context(), sel)
	if err != nil {
		return err
	}
	var names []string
	for _, svc := range sel.of(s).Services {
		names = append(names, svc.Name)
	}
	reader, err := h.logs(names)
	if err != nil {
		return err
	}
	defer func() { _ = reader.Close() }() // it was only read
	ctx, release := h.whileAlive(r.Context())
	defer release()
	out := newLogWriter(w, names, format, h.logTime)
	// The error is the client's, who is gone, or the end of ctx.
	_ = reader.Stream(ctx, lines, follow, out.line, out.flush)
	return nil
}

// whileAlive is a context that ends with the supervisor. release must be called.
func (h *handler) whileAlive(parent context.Context) (ctx context.Context, release func()) {
	ctx, cancel := context.WithCancel(parent)
	ended := make(chan struct{})
	statuses := h.supervisor.Watch(ctx)
	go func() {
		defer close(ended)
		defer cancel()
		for range statuses {
			continue // only the end matters
		}
	}()
	return ctx, func() {
		cancel()
		<-ended
	}
}

// A logWriter writes lines to a client, who may take up to patience for some.
type logWriter struct {
	out      *bufio.Writer
	control  *http.ResponseController
	patience time.Duration
	width    int // of the services' names; 0 without names
	json     *json.Encoder
}

func newLogWriter(w http.ResponseWriter, names []string, format string, patience time.Duration) *logWriter {
	l := &logWriter{control: http.NewResponseController(w), patience: patience}
	l.out = bufio.NewWriterSize(deadlineWriter{w, l.control, patience}, 32<<10)
	if len(names) > 1 {
		for _, name := range names {
			l.width = max(l.width, len(name))
		}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if format == formatJSON {
		w.Header().Set("Content-Type", "application/x-ndjson")
		l.json = json.NewEncoder(l.out)
	}
	return l
}

func (l *logWriter) line(service, text string) error {
	if l.json != nil {
		return l.json.Encode(struct {
			Service string `json:"service"`
			Line    string `json:"line"`
		}{service, text})
	}
	if l.width > 0 {
		if _, err := fmt.Fprintf(l.out, "%-*s | ", l.width, service); err != nil {
			return err
		}
	}
	if _, err := l.out.WriteString(text); err != nil {
		return err
	}
	return l.out.WriteByte('\n')
}

// flush also sends the header of an answer that has no line yet.
func (l *logWriter) flush() error {
	if err := l.out.Flush(); err != nil {
		return err
	}
	if err := l.control.SetWriteDeadline(time.Now().Add(l.patience)); err != nil {
		return err
	}
	return l.control.Flush()
}

// A deadlineWriter gives the client patience for each write.
type deadlineWriter struct {
	http.ResponseWriter
	control  *http.ResponseController
	patience time.Duration
}

func (d deadlineWriter) Write(p []byte) (int, error) {
	if err := d.control.SetWriteDeadline(time.Now().Add(d.patience)); err != nil {
		return 0, err
	}
	return d.ResponseWriter.Write(p)
}
