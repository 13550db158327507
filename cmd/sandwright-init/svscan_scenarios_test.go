//go:build linux

package main

import "slices"

// scenarios are all that are played against s6.
func scenarios() []scenario {
	return slices.Concat(clientScenarios(), commandScenarios(), endScenarios(), configScenarios(), scanScenarios(), endingScenarios())
}

func clientScenarios() []scenario {
	return []scenario{{
		name:  "s6-svstat and s6-svok",
		files: map[string]string{"a/run": ready, "a/notification-fd": "3\n", "b/run": sleeps, "b/down": "", "none/": ""},
		script: `
			up a; say s6-svwait -t 5000 -U a
			say s6-svstat a; now a; say s6-svok a; say s6-svok b
			s6-svstat -o ` + fields + ` a | sed 's/false [0-9]* -1/false PID -1/; s/[0-9]* [0-9]*$/FOR/'
			till 's6-svok b'; say s6-svstat b; say s6-svstat -n b; now b
			s6-svstat -p a | tr 0-9 N | tr -s N; say s6-svstat -p b; for o in u w N r e s t; do say s6-svstat -$o a; say s6-svstat -$o b; done
			say s6-svc -p a; till 's6-svstat a | grep paused'; say s6-svstat a; say s6-svc -c a; till 's6-svstat -o paused a | grep false'; now a
			say s6-svc -wD -T 5000 -d a; say s6-svstat a; say s6-svstat -n a; now a
			say s6-svok none/x; say s6-svstat .s6-svscan; say s6-svc -u none/x`,
		want: "up (pid N) N seconds, ready N seconds",
	}, {
		name:  "s6-svwait",
		files: map[string]string{"a/run": ready, "a/notification-fd": "3", "b/run": sleeps, "c/run": sleeps, "c/down": ""},
		script: `
			up a; up b; till 's6-svok c'
			for o in u U d D; do for s in a b c "a b" "a c" "b c"; do for m in a o; do say s6-svwait -$o -$m -t 250 $s; done; done; done
			say s6-svwait -r -t 250 a; say s6-svwait -R -t 250 a`,
		want: "= 99",
	}, {
		name:  "s6-svlisten and s6-svlisten1",
		files: map[string]string{"a/run": ready, "a/notification-fd": "3", "b/run": sleeps, "b/finish": writes("sleep 0.1")},
		script: `
			up a; up b
			for o in d D; do say s6-svlisten1 -$o -t 5000 a s6-svc -d a; say s6-svlisten1 -$o -t 5000 b s6-svc -d b; say s6-svlisten1 -u -t 5000 a s6-svc -u a; say s6-svlisten1 -u -t 5000 b s6-svc -u b; done
			s6-svwait -U -t 5000 a
			for o in r R; do say s6-svlisten1 -$o -t 5000 a s6-svc -r a; done; say s6-svlisten1 -r -t 5000 b s6-svc -r b
			say s6-svlisten -D -t 5000 a b "" sh -c 's6-svc -d a; s6-svc -d b'
			say s6-svlisten -u -t 5000 a b "" sh -c 's6-svc -u a; s6-svc -u b'
			say s6-svlisten -o -d -t 5000 a b "" s6-svc -d a; say s6-svlisten -r -t 5000 b "" s6-svc -r b
			say s6-svlisten1 -U -t 300 b s6-svc -u b; say s6-svlisten1 -u -t 300 a true`,
		want: "= 99",
	}, {
		name:  "s6-svc -w",
		files: map[string]string{"a/run": ready, "a/notification-fd": "3", "a/finish": writes("sleep 0.1"), "b/run": sleeps},
		script: `
			up a; up b; s6-svwait -U -t 5000 a
			say s6-svc -wd -T 5000 -d a; say s6-svc -wu -T 5000 -u a; say s6-svc -wD -T 5000 -d a; now a
			say s6-svc -wU -T 5000 -u a; now a; say s6-svc -wr -T 5000 -r a; say s6-svc -wR -T 5000 -r a; now a
			say s6-svc -wR -T 5000 -kr a; say s6-svc -wU -T 5000 -u b; say s6-svc -wd -T 300 -u b; say s6-svc -wu -T 300 -o a
			say s6-svc -wD -T 5000 -Dd b; say s6-svc -wu -T 5000 -Uo b; till 's6-svstat -w b | grep false'; now b; say s6-svc -z b`,
		want: "= 99",
	}, {
		name: "events",
		files: map[string]string{"a/run": ready, "a/notification-fd": "3", "a/down": "", "b/run": writes("exit 1"), "b/finish": writes("exit 125"), "b/down": "",
			"c/run": sleeps, "c/event/": ""},
		script: `
			till 's6-svok a'; till 's6-svok b'; up c
			listen() { mkfifo $1/event/.f; (exec timeout 8 cat <>$1/event/.f >.got-$1) & echo $! >.pid-$1; mv $1/event/.f $1/event/ftrig1:@400000006b05c6720ecae9a6:abcdef; }
			heard() { till "[ \$(wc -c <.got-$1) -ge $2 ]"; sleep 0.05; cat .got-$1; echo; }
			listen a; listen b; listen c
			s6-svc -wU -T 5000 -u a; s6-svc -wR -T 5000 -r a; s6-svc -wd -T 5000 -d a; till 's6-svstat -u a | grep false'; s6-svc -x a; up c; s6-svc -u b; heard b 4; s6-svc -u b; till '[ $(wc -c <.got-b) = 8 ]'; now b
			s6-svc -xd c; heard a 10; heard b 8; heard c 5; kill $(cat .pid-?)`,
		want: "udODudOD",
	}, {
		name:  "listeners that nobody reads",
		files: map[string]string{"a/run": sleeps, "a/event/other": "", "a/event/ftrig1:@400000006b05c6720ecae9a6:file00": ""},
		script: `
			up a; mkfifo a/event/ftrig1:@400000006b05c6720ecae9a6:abcdef a/event/ftrig1:short a/event/fifo
			mkfifo a/event/ftrig1:@400000006b05c6720ecae9a6:zzzzzz; exec 9<>a/event/ftrig1:@400000006b05c6720ecae9a6:zzzzzz
			(dd if=/dev/zero bs=4096 count=17 >&9 2>/dev/null) & filler=$!; sleep 0.2
			say s6-svc -wr -T 5000 -r a; kill $filler; ls a/event; cat a/event/other`,
		want: "other",
	}}
}

func commandScenarios() []scenario {
	trap := "for s in ALRM ABRT QUIT HUP TERM INT USR1 USR2 WINCH CONT; do trap \"echo $s >>got\" $s; done; echo up >>got; while :; do sleep 0.02; done"
	return []scenario{{
		name:  "signals",
		files: map[string]string{"a/run": writes(trap)},
		script: `
			till 'grep up a/got'
			for o in a b q h t i 1 2 y c r; do say s6-svc -$o a; l=$((l+1)); till '[ $(wc -l <a/got) -gt '$l' ]'; done; cat a/got; now a
			say s6-svc -tk a; till '[ $(grep -c up a/got) = 2 ]'; s6-svdt a
			for o in a b q h k t i 1 2 p c y r; do s6-svc -wd -d a & s6-svc -Ok a; wait; say s6-svc -$o a; done; now a`,
		want: "WINCH",
	}, {
		name:  "down, up, once and what is kept of it",
		files: map[string]string{"a/run": sleeps, "b/run": sleeps, "b/down": ""},
		script: `
			up a; till 's6-svok b'
			see() { now $1; till "s6-svstat -o wantedup $1"; ls $1; }
			say s6-svc -wD -T 5000 -D a; see a; say s6-svc -wu -T 5000 -U a; see a
			say s6-svc -Q a; till 'test -e a/down'; till 's6-svstat -w a | grep false'; see a; say s6-svc -wD -T 5000 -k a; see a; sleep 1.2; see a
			say s6-svc -wu -T 5000 -o b; see b; say s6-svc -wD -T 5000 -k b; sleep 1.2; see b
			say s6-svc -U b; up b; see b; say s6-svc -O b; till 's6-svstat -w b | grep false'; see b; say s6-svc -wd -T 5000 -t b; see b
			say s6-svc -O b; say s6-svc -Q b; till 'test -e b/down'; see b; say s6-svc -wu -T 5000 -o b; say s6-svc -wr -T 5000 -ur b; see b`,
		want: "down",
	}, {
		name:  "up again before its time",
		files: map[string]string{"a/run": writes("echo up >>got; until [ -e go ]; do sleep 0.02; done; rm go; exit 7"), "a/finish": writes("echo $* >>got"), "a/go": ""},
		script: `
			till 'grep 7 a/got'; say s6-svc -wu -T 5000 -u a
			{ till 's6-svstat -o wantedup a | grep false'; touch a/go; } & say s6-svc -wD -T 5000 -O a; now a
			{ till 's6-svstat -o up a | grep true'; touch a/go; } & say s6-svc -wD -T 5000 -o a; now a; head -4 a/got`,
		want: "7 0 a",
	}, {
		name:  "exit, and what is left of it",
		files: map[string]string{"a/run": writes("echo run; exec sleep 1000"), "a/finish": writes("x=$(readlink /proc/$$/fd/1); echo $x >>got"), "b/run": sleeps, "b/down": ""},
		script: `
			up a; till 's6-svok b'; say s6-svc -x a; sleep 0.2; now a; say s6-svc -u a; say s6-svok a; say s6-svc -d a
			till '! s6-svok a'; say s6-svc -u a; till 's6-svok a'; up a; cat a/got; now a
			say s6-svc -x b; till '! s6-svok b'; say s6-svok b; till 's6-svok b'; now b`,
		want: "/dev/null",
	}, {
		name:   "garbage",
		files:  map[string]string{"a/run": sleeps},
		script: `up a; printf 'zzA\n\000\377Y' >a/supervise/control; printf 'xyz\n\000' >.s6-svscan/control; head -c 70000 /dev/zero >a/supervise/control; sleep 0.1; now a; say s6-svc -wr -T 5000 -r a; now a`,
		want:   "= 0",
	}}
}
