//go:build linux

package s6

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// What a killed supervisor has left is ended before anything is started, also
// if it does not want to be.
func TestLeftover(t *testing.T) {
	for name, script := range map[string]string{
		"gentle":   "echo $$ >>pids; exec sleep 1000",
		"stubborn": "trap '' TERM; echo $$ >>pids; while :; do sleep 0.1; done",
		"paused":   "echo $$ >>pids; kill -STOP $$; sleep 1000",
	} {
		t.Run(name, func(t *testing.T) {
			o := own(t)
			dir := service(t, map[string]string{"run": "#!/bin/sh\n" + script + "\n"})
			first := o.open(dir, nil)
			o.eventually("pid", func() bool { return len(words(dir, "pids")) == 1 })
			left := o.until(first, "start", isUp).PID
			// As if it was killed: nothing of it goes on but the process, which
			// somebody else reaps.
			o.do(first.Close)
			second := o.open(dir, func(o *Options) { o.Grace = 300 * time.Millisecond })
			if st := o.opened; !strings.Contains(st.Reason, strconv.Itoa(left)) || st.Phase != Down {
				t.Errorf("%+v", st)
			}
			got := o.until(second, "start", isUp)
			if runs(left, mustStart(left)) || got.PID == left {
				t.Errorf("process %d still runs, and %d", left, got.PID)
			}
			if !o.hasSaid(fmt.Sprintf("x: ending process %d, which an earlier supervisor has left", left)) {
				t.Errorf("said %q", o.said)
			}
		})
	}
}

func mustStart(pid int) uint64 {
	ticks, _ := startOf(pid)
	return ticks
}

func words(dir, name string) []string {
	text, _ := os.ReadFile(filepath.Join(dir, name))
	return strings.Fields(string(text))
}

// A record of a process that is gone, of one whose number is another's by now,
// and one that is no record, end nobody.
func TestRecordOfAnother(t *testing.T) {
	self := os.Getpid()
	since, ok := startOf(self)
	if !ok {
		t.Fatal("this process has no start")
	}
	for _, record := range []string{"", "x", "1 1", "-1 5", fmt.Sprint(self, " ", since+1), fmt.Sprintf("%d-%d", self, since), "999999999 5", fmt.Sprint(self, " ", since, " 7")} {
		o := own(t)
		dir := service(t, map[string]string{"run": sleeps, recordFile: record})
		s := o.open(dir, nil)
		if st := o.until(s, "start", isUp); st.Reason != "" {
			t.Errorf("%q: %+v", record, st)
		}
	}
}

// The command o while a leftover ends is not forgotten, and d takes it back.
func TestLeftoverAndCommands(t *testing.T) {
	o := own(t)
	dir := service(t, map[string]string{"run": "#!/bin/sh\ntrap '' TERM\necho $$ >>pids\nwhile :; do sleep 0.05; done\n"})
	for i, commands := range []string{"o", "od", "du"} {
		first := o.open(dir, nil)
		o.eventually("pid", func() bool { return len(words(dir, "pids")) == 1 })
		o.do(first.Close)
		second := o.open(dir, func(o *Options) { o.Grace, o.Held = 200*time.Millisecond, true })
		o.do(func() {
			for _, c := range commands {
				second.Control(byte(c))
			}
		})
		st := o.until(second, "end of the leftover", func(s State) bool { return s.Reason == "" })
		if up := st.Phase == Up; up != (i != 1) {
			t.Errorf("after %s: %+v", commands, st)
		}
		o.do(func() { second.Terminate(); second.Kill() })
		o.until(second, "its end", func(s State) bool { second.Kill(); return s.Phase == Left })
		os.Remove(filepath.Join(dir, "pids"))
	}
}
