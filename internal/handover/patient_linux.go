package handover

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Patient reads what a descriptor gives, with an error where nothing comes for
// Patience. It takes the descriptor over.
func Patient(fd int) (io.Reader, error) {
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, err
	}
	return patient{os.NewFile(uintptr(fd), "stdin"), Patience}, nil
}

type patient struct {
	f    *os.File
	most time.Duration
}

func (p patient) Read(b []byte) (int, error) {
	_ = p.f.SetReadDeadline(time.Now().Add(p.most)) // a file on disk has none
	n, err := p.f.Read(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("nothing has come for %v", p.most)
	}
	return n, err
}
