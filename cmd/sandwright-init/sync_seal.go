//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/receipt"
)

// A boxWorkspace is what an image says of its workspace, and what was run in
// the box since.
type boxWorkspace struct {
	receipt receipt.Receipt
	sum     string // of the receipt's file
	sealAt  string // empty: nobody has a place for it
	seal    receipt.Seal
	flaw    error // why the seal that stands there is not used
}

// openWorkspace reads the receipt, and the seal of whoever runs the steps.
func openWorkspace(file string) (*boxWorkspace, error) {
	w, err := readReceipt(file)
	if err != nil {
		return nil, err
	}
	w.sealAt = sealPath(os.Getenv)
	w.readSeal()
	return w, nil
}

// readReceipt reads the image's own.
func readReceipt(file string) (*boxWorkspace, error) {
	data, err := readFile(file)
	if err != nil {
		return nil, fault.Cannot("read the receipt: %w", err)
	}
	w := &boxWorkspace{sum: receipt.SumOf(data)}
	if w.receipt, err = receipt.Decode(data); err != nil {
		return nil, fault.Cannot("use the receipt %s: %w", file, err)
	}
	return w, nil
}

// sealPath is where what was run in the box is remembered: a place that whoever
// runs the steps may write to.
func sealPath(getenv func(string) string) string {
	state, home := getenv("XDG_STATE_HOME"), getenv("HOME")
	switch {
	case filepath.IsAbs(state):
	case filepath.IsAbs(home):
		state = filepath.Join(home, ".local/state")
	default:
		return ""
	}
	return filepath.Join(state, "sandwright/seal.json")
}

// readSeal reads what was run. A seal of which anything is wrong is none: then
// what has run since the image is run once more.
func (w *boxWorkspace) readSeal() {
	w.seal, w.flaw = receipt.Seal{Version: receipt.SealVersion, Receipt: w.sum}, nil
	if w.sealAt == "" {
		return
	}
	data, err := readFile(w.sealAt)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return
	}
	if err == nil {
		var seal receipt.Seal
		if seal, err = receipt.DecodeSeal(data, w.receipt, w.sum); err == nil {
			w.seal = seal
		}
	}
	if err != nil && !errors.Is(err, receipt.ErrOther) {
		w.flaw = fmt.Errorf("%s is not used: %w", w.sealAt, err)
	}
}

// compare gives what is to be run.
func (w *boxWorkspace) compare() ([]receipt.Todo, error) {
	target := w.receipt.Target
	todo, err := w.receipt.With(w.seal).Todo(receipt.Look{
		Read: func(name string) ([]byte, error) { return readFile(filepath.Join(target, name)) },
		Gone: func(name string) bool {
			_, err := os.Lstat(filepath.Join(target, name))
			return errors.Is(err, fs.ErrNotExist)
		},
	})
	if err != nil {
		return nil, fault.Cannot("compare the workspace: %w", err)
	}
	return todo, nil
}

// differs tells whether there is something to run.
func (w *boxWorkspace) differs() bool {
	todo, err := w.compare()
	return err == nil && len(todo) > 0
}

// printSeal prints what all layers were last run with.
func (w *boxWorkspace) printSeal(out io.Writer) error {
	data, err := receipt.EncodeSeal(w.seal)
	if err == nil {
		_, err = out.Write(data)
	}
	return err
}

// writeSeal remembers s, whole or not at all.
func (w *boxWorkspace) writeSeal(s receipt.Seal) error {
	cannot := func(err error) error {
		return fault.Cannot("remember what was run: %w", err).WithHint("set HOME or XDG_STATE_HOME to a folder that you may write to")
	}
	data, err := receipt.EncodeSeal(s)
	if err == nil && w.sealAt == "" {
		err = errors.New("there is neither HOME nor XDG_STATE_HOME")
	}
	if err != nil {
		return cannot(err)
	}
	dir := filepath.Dir(w.sealAt)
	next := w.sealAt + ".new" // we alone write it, by the lock
	_ = os.Remove(next)
	f, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return cannot(err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(next, w.sealAt)
	}
	if err == nil {
		err = syncFolder(dir)
	}
	if err != nil {
		return cannot(err)
	}
	w.seal = s
	return nil
}

func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// readFile reads a regular file of a bounded size, and waits for nobody.
func readFile(name string) ([]byte, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", name)
	}
	return io.ReadAll(io.LimitReader(f, receipt.MaxSize+1))
}
