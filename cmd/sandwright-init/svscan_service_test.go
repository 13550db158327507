//go:build linux

package main

func endScenarios() []scenario {
	return []scenario{{
		name:  "crash loop",
		files: map[string]string{"a/run": writes("echo $(date +%s) >>starts; exit 3")},
		script: `
			till '[ $(wc -l <a/starts) -ge 3 ]'; say s6-svc -wD -T 5000 -O a; s6-svdt a | head -3; say s6-svdt -n 2 a; now a; say s6-svstat a
			awk 'NR>1 && $1-l>2 {print "slow"} NR>1 && $1-l<1 {q++} {l=$1} END {if (q>1) print "quick"}' a/starts`,
		want: "exitcode 3",
	}, {
		name: "finish and its arguments",
		files: map[string]string{
			"a/run": writes("exit 42"), "a/finish": writes("echo $0 $* >>got; pwd | sed 's/.*[/]//' >>got; ps -o sid= -p $$ | grep -q $$ && echo session >>got; test $1 = 256 || exit 1"),
			"b/run": sleeps, "b/finish": writes("echo $* >>got; ls -l /proc/$$/fd | sed 's/.* \\([0-9]* ->\\).*/\\1/' | grep -v total | head -3 >>got"),
			"c/run": writes("kill -SEGV $$"), "c/finish": writes("echo $* >>got; exit 3"),
			"d/run": sleeps, "d/finish": "not a program",
		},
		script: `
			till 'grep session a/got'; head -3 a/got; up b; say s6-svc -wD -T 5000 -k b; till 'test -s c/got'; head -1 c/got; say s6-svc -wD -T 5000 -h b; up d
			say s6-svc -wD -T 5000 -Od b; say s6-svc -wD -T 5000 -dt d; say s6-svdt -s b; head -1 b/got; now d`,
		want: "256 11 c",
	}, {
		name: "finish that does not end",
		files: map[string]string{"a/run": sleeps, "a/finish": writes("echo x >>got; exec sleep 1000"), "a/timeout-finish": "300\n",
			"b/run": writes("exit 1"), "b/finish": writes("trap '' TERM; exec sleep 1"), "b/timeout-finish": "0"},
		script: `
			up a; say s6-svc -wd -T 5000 -d a; now a; say s6-svc -k a; say s6-svc -t a; say s6-svwait -D -t 5000 a; now a
			say s6-svc -wu -T 5000 -u a; say s6-svc -wd -T 5000 -d a; say s6-svc -u a; till 's6-svstat -w a | grep true'; now a; up a; now a; cat a/got
			till 's6-svdt b | grep 1'; say s6-svwait -D -t 5000 b`,
		want: "false false true false false",
	}, {
		name: "exit 125 is for good",
		files: map[string]string{"a/run": writes("sleep 0.2; exit 1"), "a/finish": writes("exit 125"), "a/down": "", "b/run": writes("exit 9"), "b/down": "",
			"b/finish": writes("exec s6-permafailon 60 2 9,SIGKILL true")},
		script: `
			till 's6-svok a'; till 's6-svok b'; say s6-svlisten1 -U -t 5000 a s6-svc -u a; say s6-svwait -D -t 5000 a; now a; say s6-svc -wU -T 5000 -u a; now a
			say s6-svc -u b; till '[ $(s6-svdt b | wc -l) = 2 ]'; till 's6-svstat -w b | grep false'; now b; say s6-svdt b
			say s6-svdt-clear b; say s6-svdt b; say s6-svc -u b; till '[ $(s6-svdt b | wc -l) = 1 ]'; now b`,
		want: "= 1",
	}, {
		name: "restart of what has been ready",
		files: map[string]string{"a/run": writes("date +%s%N >>starts; echo >&3; exec sleep 1000"), "a/notification-fd": "3",
			"b/run": writes("date +%s%N >>starts; exec sleep 1000")},
		script: `
			between() { awk 'NR>1 {d=($1-l)/1e9} {l=$1} END {if (d < '$2') print "'$1' quick"; else print "'$1' waits"}' $1/starts; }
			s6-svwait -U -t 5000 a; up b; say s6-svc -wR -T 5000 -k a; between a 0.8; sleep 1.2; date +%s%N >>a/starts; say s6-svc -wR -T 5000 -k a; between a 0.7
			date +%s%N >>b/starts; say s6-svc -wr -T 5000 -k b; between b 0.8`,
		want: "a waits",
	}, {
		name:  "what cannot be started",
		files: map[string]string{"a/finish": "", "b/run": "#!/nonexistent/interpreter\n", "c/run": sleeps, "d/run/": ""},
		script: `
			for s in a b c d; do till "s6-svok $s"; done; say s6-svc -wD -T 5000 -d c; chmod -x c/run; s6-svc -u c
			for s in a b c d; do till "s6-svstat -w $s | grep true"; now $s; s6-svdt $s | grep -v SIGTERM; done
			chmod +x c/run; say s6-svc -wu -T 5000 -u c; cp c/run a/run; say s6-svc -wu -T 5000 -o a; now a; say s6-svc -d b; now d`,
		want: "true",
	}}
}

func configScenarios() []scenario {
	return []scenario{{
		name: "readiness",
		files: map[string]string{
			"a/run": writes("printf ab >&4; sleep 0.1; printf 'cd\\nmore' >&4; echo again >&4; exec sleep 1000"), "a/notification-fd": "4\n",
			"b/run": writes("printf x >&3; exec 3>&-; exec sleep 1000"), "b/notification-fd": "3",
			"c/run": writes("echo; echo 2 >&2; exec sleep 1000"), "c/notification-fd": "1\n",
			"d/run": writes("echo >&3; exec sleep 1000"), "d/notification-fd": "three",
			"e/run": writes("exec s6-notifyoncheck -s 10 -w 50 -n 0 sleep 1000"), "e/notification-fd": "3", "e/data/check": writes("test -e ok || { touch ok; exit 1; }"),
			"f/run": writes("ls /proc/$$/fd | grep -c 300; exec sleep 1000 300>&-"), "f/notification-fd": "300",
		},
		script: `
			for s in a c e; do say s6-svwait -U -t 5000 $s; now $s; done; up b; up d; up f; for s in b d f; do say s6-svwait -U -t 300 $s; now $s; say s6-svstat $s; done
			say s6-svc -wU -T 5000 -u d; say s6-svc -wU -T 200 -u b`,
		want: "true true true true",
	}, {
		name: "death tally",
		files: map[string]string{"a/run": sleeps, "a/max-death-tally": "2\n", "b/run": sleeps, "b/max-death-tally": "0", "c/run": sleeps, "c/max-death-tally": "many",
			"d/run": sleeps},
		script: `
			for s in a b c d; do up $s; say s6-svdt $s; for o in h 1 t; do s6-svc -wD -T 5000 -O$o $s; s6-svc -wu -T 5000 -u $s; done; say s6-svdt $s; wc -c <$s/supervise/death_tally; done
			say s6-svdt-clear d; say s6-svdt d; s6-svc -wD -T 5000 -Ok d; say s6-svdt -s d; say s6-svdt -n 1 c; od -An -tu1 -j12 a/supervise/death_tally | head -1 | cut -c1-8`,
		want: "SIGUSR1",
	}, {
		name: "timeout-kill",
		files: map[string]string{"a/run": writes("trap : TERM; echo up >>got; while :; do sleep 0.02; done"), "a/timeout-kill": "200\n",
			"b/run": writes("trap : TERM; echo up >>got; while :; do sleep 0.02; done"), "b/timeout-kill": "0"},
		script: `
			till 'grep up a/got && grep up b/got'; say s6-svc -wD -T 5000 -d a; say s6-svdt a; say s6-svc -wD -T 400 -d b; now b
			s6-svc -u a; till '[ $(grep -c up a/got) = 2 ]'; s6-svc -r a; sleep 0.4; now a; s6-svc -d a; say s6-svc -wr -T 5000 -u a; say s6-svdt a; now a`,
		want: "SIGKILL",
	}, {
		name:  "down-signal",
		files: map[string]string{"a/run": writes("for s in HUP USR1 QUIT USR2 TERM; do trap \"echo $s >>got\" $s; done; echo up >>got; while :; do sleep 0.02; done")},
		script: `
			till 'grep up a/got'; for s in HUP SIGUSR1 3 sigusr2 bogus; do echo $s >a/down-signal; l=$((l+1)); say s6-svc -r a; till '[ $(wc -l <a/got) -gt '$l' ]'; done; cat a/got
			printf KILL >a/down-signal; say s6-svc -wD -T 5000 -d a; say s6-svdt a`,
		want: "USR2",
	}, {
		name:  "lock-fd",
		files: map[string]string{"a/run": writes("ls -l /proc/self/fd/5 | sed 's/.*-> .*supervise/supervise/' >>got; exec sleep 1000"), "a/lock-fd": "5\n", "a/supervise/service-lock": ""},
		script: `
			up a; till 'test -s a/got'; cat a/got; say s6-svc -wD -T 5000 -d a; say s6-svc -wu -T 5000 -u a; now a`,
		want: "supervise/service-lock",
	}, {
		name: "what run is given",
		files: map[string]string{"a/run": writes("echo $0 $# $1; pwd | sed 's/.*[/]//'; ps -o sid= -p $$ | grep -q $$ && echo session; umask; readlink /proc/$$/fd/0; ls /proc/$$/fd >fds; tr '\\n' ' ' <fds; echo $OF_SVSCAN; ulimit -n; cat /proc/$$/status | grep -E 'Sig(Ign|Blk)'; nice; exec sleep 1000"),
			"a/log/run": writes("echo $0 $# $1 >../../got; exec cat >>../../got")},
		script: `up a; up a/log; till 'grep SigIgn got'; sleep 0.1; sed 's/^[0-9]* *$/N/' got`,
		want:   "./run 1 a/log",
	}, {
		name:  "files",
		files: map[string]string{"a/run": sleeps, "a/log/run": writes("exec cat >/dev/null"), "b/run": sleeps, "b/down": "", "c/run": writes("exit 1"), "c/finish": writes("exit 125")},
		script: `
			up a; up a/log; till 's6-svok b'; till 's6-svstat -w c | grep false'
			find . .s6-svscan -name sandwright -prune -o -printf '%P %M %u %g\n' | sort
			for s in a b c; do wc -c <$s/supervise/status; od -An -tx1 -j32 $s/supervise/status; od -An -tx1 -N4 -j0 $s/supervise/status; done`,
		want: "event drwx-ws--T",
	}, {
		name:  "supervise and event elsewhere",
		files: map[string]string{"a/run": sleeps, "b/run": sleeps},
		script: `
			up a; say s6-svc -wD -T 5000 -d a; mkdir d; mkdir .real; cp a/run d/; ln -s ../.real/supervise d/supervise; ln -s ../.real/event d/event; s6-svscanctl -a .; till 's6-svok d'; up d; now d; ls .real; say s6-svc -wr -T 5000 -r d
			ln -s .far e; mkdir .far; cp a/run .far; s6-svscanctl -a .; up e; now e; ls .far`,
		want: "supervise",
	}}
}
