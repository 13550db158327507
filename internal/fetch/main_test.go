package fetch

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if order := os.Getenv(childEnv); order != "" {
		fmt.Fprintln(os.Stderr, liveAsChild(order))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}
