package probe

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"time"
)

// A Newline waits for a newline on the pipe that a service holds as
// descriptor FD, as s6's notification-fd. It owns R.
type Newline struct {
	FD int
	R  *os.File // the reading end; knows deadlines
}

// Wait returns once the newline has come, or with the reason why it never
// will: that every writer has closed the pipe, or that ctx has ended. It
// closes R.
func (n Newline) Wait(ctx context.Context) (string, error) {
	defer n.R.Close()
	stop := context.AfterFunc(ctx, func() { _ = n.R.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	buf := make([]byte, 64)
	for {
		got, err := n.R.Read(buf)
		switch {
		case bytes.IndexByte(buf[:got], '\n') >= 0:
			return fmt.Sprintf("newline on fd %d", n.FD), nil
		case ctx.Err() != nil:
			return "", ctx.Err()
		case err != nil:
			return "", fmt.Errorf("closed fd %d without a newline", n.FD)
		}
	}
}
