//go:build linux

package main

// lastWord ends at SIGTERM with a last word.
const lastWord = "#!/bin/sh\ntrap 'echo bye; exit 0' TERM\necho up\nwhile :; do sleep 0.02; done\n"

func scanScenarios() []scenario {
	logged := map[string]string{"a/run": lastWord, "a/log/run": writes("exec cat >>../../.got")}
	return []scenario{{
		name:  "loggers",
		files: logged,
		script: `
			up a; till 'grep up .got'; say s6-svc -wr -T 5000 -k a/log; say s6-svc -wr -T 5000 -r a; till '[ $(grep -c up .got) = 2 ]'; cat .got; now a; now a/log
			say s6-svc -wD -T 5000 -d a/log; say s6-svc -wr -T 5000 -r a; say s6-svc -wu -T 5000 -u a/log; till '[ $(grep -c up .got) = 3 ]'; cat .got`,
		want: "bye",
	}, {
		name:  "rescans",
		files: map[string]string{"a/run": sleeps, "b/run": sleeps, "b/log/run": writes("exec cat >/dev/null"), ".hidden/run": sleeps, "file": ""},
		script: `
			up a; up b; up b/log; mkdir c; cp a/run c; sleep 0.2; say s6-svok c; say s6-svscanctl -a .; up c; now c; say s6-svok .hidden
			mv a .a; mv b .b; say s6-svscanctl -a .; sleep 0.2; now .a; now .b; now .b/log; say s6-svscanctl -n .
			till '! s6-svok .a'; till '! s6-svok .b'; till '! s6-svok .b/log'; now c; mv .a a; sleep 0.1; say s6-svok a; kill -ALRM $PID; up a; now a
			mv .b b; mv c .c; kill -HUP $PID; up b; up b/log; till '! s6-svok .c'; now b; mv b .b; say s6-svscanctl -aN .; till '! s6-svok .b/log'; till '! s6-svok .b'
			mv .c c; say s6-svscanctl -h .; up c; now c`,
		want: "= 1",
	}, {
		name:  "a directory that is removed while it runs",
		files: map[string]string{"a/run": sleeps, "b/run": sleeps},
		script: `
			up a; up b; rm -rf a; say s6-svscanctl -an .; sleep 0.3; ls; now b; mkdir a; cp b/run a; say s6-svscanctl -a .; up a; now a`,
		want: "= 0",
	}, {
		name:   "rescan by time",
		args:   []string{"-t100"},
		files:  map[string]string{"a/run": sleeps},
		script: `up a; mkdir .b; cp a/run .b; mv .b b; up b; now b; mv b .b; sleep 0.3; now .b`,
		want:   "true true true",
	}, {
		name:   "as many services as -c",
		args:   []string{"-c", "2"},
		files:  map[string]string{"a/run": sleeps, "b/run": sleeps, "c/run": sleeps, "a/log/run": sleeps},
		script: `till '[ $(ls -d ?/supervise | wc -l) = 2 ]'; sleep 0.1; ls -d ?/supervise | wc -l`,
		want:   "2",
	}, {
		name:   "one at a time",
		files:  map[string]string{"a/run": sleeps},
		script: `up a; s6-svscan . 2>/dev/null; echo $?; ` + "$SANDWRIGHT_INIT_UNDER_TEST" + ` svscan . 2>/dev/null; echo $?; s6-supervise a 2>/dev/null; echo $?; now a`,
		want:   "100\n100\n100\n",
	}, {
		name: "programs for signals",
		files: map[string]string{"a/run": sleeps, ".s6-svscan/SIGTERM": writes("echo TERM $# >>.got"), ".s6-svscan/SIGHUP": writes("echo HUP >>.got"), ".s6-svscan/SIGQUIT": writes("echo QUIT >>.got"),
			".s6-svscan/SIGINT": writes("echo INT >>.got"), ".s6-svscan/SIGUSR1": writes("echo USR1 >>.got"), ".s6-svscan/SIGPWR": writes("echo PWR >>.got"), ".s6-svscan/SIGWINCH": writes("echo WINCH >>.got")},
		script: `up a; for s in TERM HUP QUIT INT USR1 USR2 PWR WINCH; do kill -$s $PID; test $s = USR2 || till "grep $s .got"; done; cat .got; now a`,
		want:   "TERM 0",
	}}
}

func endingScenarios() []scenario {
	files := func(finish string) map[string]string {
		out := map[string]string{
			"a/run": lastWord, "a/log/run": writes("while read l; do echo $l >>../../.got; done; echo end >>../../.got"), "a/finish": writes("echo fin $*"),
			"b/run": sleeps, "b/finish": writes("echo b $* >>../.got2"),
		}
		if finish != "" {
			out[".s6-svscan/finish"] = writes(finish)
		}
		return out
	}
	const begin = `up a; up b; till 'grep up .got'; `
	const end = `; till '! kill -0 $PID'; cat .got .got2; say s6-svok a; say s6-svok a/log; say s6-svstat a; say s6-svscanctl -a .`
	return []scenario{
		{name: "s6-svscanctl -t", files: files("echo finished $#"), script: begin + `say s6-svscanctl -t .` + end, ends: true, want: "finished 0"},
		{name: "s6-svscanctl -i", files: files(""), script: begin + `say s6-svscanctl -i .` + end, ends: true, want: "end"},
		{name: "s6-svscanctl -q", files: files("exit 7"), script: begin + `say s6-svscanctl -q . ; till '! kill -0 $PID'; cat .got2`, ends: true, want: "exit code 7"},
		{name: "s6-svscanctl -b", files: files("echo aborted; exit 3"), script: begin + `say s6-svscanctl -b . ; till '! kill -0 $PID'`, ends: true, want: "aborted"},
		{name: "s6-svscanctl -zahnt", files: files(""), script: begin + `say s6-svscanctl -zahnt .` + end, ends: true, want: "exit code 0"},
		{name: "SIGTERM", files: files("echo bye"), script: begin + `kill -TERM $PID` + end, ends: true, want: "256 15 b"},
		{name: "SIGINT", files: files(""), script: begin + `kill -INT $PID` + end, ends: true, want: "end"},
		{name: "SIGQUIT", files: files(""), script: begin + `kill -QUIT $PID; till '! kill -0 $PID'; cat .got2`, ends: true, want: "256 15 b"},
		{name: "SIGABRT", files: files("echo aborted"), script: begin + `kill -ABRT $PID; till '! kill -0 $PID'`, ends: true, want: "aborted"},
		{name: "the end while finish runs", files: map[string]string{"a/run": writes("exit 1"), "a/finish": writes("sleep 0.5; echo f >>../.got")},
			script: `till 's6-svdt a | grep 1'; s6-svscanctl -t .; till '! kill -0 $PID'; cat .got; say s6-svstat a`, ends: true, want: "f\n"},
		{name: "the end while it waits", files: map[string]string{"a/run": writes("echo x >>../.got"), "b/run": "#!/nonexistent\n"},
			script: `till 's6-svdt a | grep 0'; sleep 0.1; s6-svscanctl -t .; till '! kill -0 $PID'; cat .got`, ends: true, want: "x\n"},
	}
}
