package local

import (
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/provider"
)

// streams are the three streams of a command. Only a terminal is handed to the
// runtime, which keeps it out of the box; anything else is copied, so that the
// box never holds a descriptor of a host's file.
type streams struct {
	remote []*os.File // stdin, stdout, stderr of the runtime
	mine   []*os.File // ends of pipes to close
	copies []func()
	output sync.WaitGroup
	ended  atomic.Bool // the command has
	reads  []*os.File  // output pipes
}

// openStreams makes the pipes. A nil stream is empty, or goes nowhere.
func openStreams(e provider.Exec, terminal bool) (*streams, error) {
	s := &streams{}
	if terminal {
		in, _ := e.Stdin.(*os.File)
		out, _ := e.Stdout.(*os.File)
		s.remote = []*os.File{in, out, out}
		return s, nil
	}
	if err := s.input(e.Stdin); err != nil {
		return nil, err
	}
	if err := s.outputTo(e.Stdout); err != nil {
		return nil, err
	}
	if same(e.Stdout, e.Stderr) {
		s.remote = append(s.remote, s.remote[1])
		return s, nil
	}
	return s, s.outputTo(e.Stderr)
}

// outputTo makes a pipe to w the next of the command's streams.
func (s *streams) outputTo(w io.Writer) error {
	if w == nil {
		w = io.Discard
	}
	r, end, err := os.Pipe()
	if err != nil {
		s.close()
		return err
	}
	s.remote, s.mine, s.reads = append(s.remote, end), append(s.mine, r, end), append(s.reads, r)
	s.copies = append(s.copies, func() { s.copyOut(w, r) })
	return nil
}

// same tells whether both streams are one, which must stay in order and cannot
// be written to at once.
func same(a, b io.Writer) bool {
	defer func() { _ = recover() }() // of types that cannot be compared
	return a != nil && a == b
}

// input feeds the command's standard input. A Read that blocks is left behind
// when the command ends.
func (s *streams) input(from io.Reader) error {
	if from == nil {
		null, err := os.Open(os.DevNull)
		s.remote, s.mine = []*os.File{null}, []*os.File{null}
		return err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	s.remote, s.mine = []*os.File{r}, []*os.File{r, w}
	s.copies = append(s.copies, func() {
		go func() {
			_, _ = io.Copy(w, from)
			w.Close()
		}()
	})
	return nil
}

// start copies, once the shim holds the remote ends.
func (s *streams) start() {
	for _, own := range s.mine {
		for _, remote := range s.remote {
			if own == remote {
				own.Close()
			}
		}
	}
	for _, f := range s.copies {
		f()
	}
}

// copyOut copies in the background until nobody can write to r any more; once
// the command has ended, a silence of execPatience is enough.
func (s *streams) copyOut(w io.Writer, r *os.File) {
	s.output.Go(func() {
		buf := make([]byte, 32<<10)
		for {
			if s.ended.Load() {
				_ = r.SetReadDeadline(time.Now().Add(execPatience))
			}
			n, err := r.Read(buf)
			if _, wErr := w.Write(buf[:n]); err != nil || wErr != nil {
				return
			}
		}
	})
}

// finish returns once all output is copied.
func (s *streams) finish() {
	s.ended.Store(true)
	for _, r := range s.reads {
		_ = r.SetReadDeadline(time.Now().Add(execPatience))
	}
	s.output.Wait()
}

// close gives up whatever is still open.
func (s *streams) close() {
	for _, f := range s.mine {
		f.Close()
	}
	s.output.Wait()
}

// sendFiles hands descriptors to the process at the other end.
func sendFiles(conn net.Conn, files []*os.File) error {
	fds := make([]int, len(files))
	for i, f := range files {
		fds[i] = int(f.Fd())
	}
	c, ok := conn.(*net.UnixConn)
	if !ok {
		return net.ErrClosed
	}
	_, _, err := c.WriteMsgUnix([]byte{0}, unix.UnixRights(fds...), nil)
	return err
}

// receiveFiles takes the want descriptors that sendFiles sent.
func receiveFiles(c *net.UnixConn, want int) ([]*os.File, error) {
	oob := make([]byte, unix.CmsgSpace(4*want))
	_, n, _, _, err := c.ReadMsgUnix(make([]byte, 1), oob)
	if err != nil {
		return nil, err
	}
	messages, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil {
		return nil, err
	}
	var files []*os.File
	for _, m := range messages {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			return nil, err
		}
		for _, fd := range fds {
			unix.CloseOnExec(fd)
			files = append(files, os.NewFile(uintptr(fd), "received"))
		}
	}
	if len(files) != want {
		for _, f := range files {
			f.Close()
		}
		return nil, unix.EBADMSG
	}
	return files, nil
}
