package launch

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

const testUsers = `root:x:0:0:root:/root:/bin/bash
# a comment:x:1:1:::
web:x:1000:1001:The Web:/srv/web:/bin/zsh
bare:x:7:7:::
42:x:43:43::/by-name:
short:x:1
worse:x:x:1:::
lost:x:50:group::/:/bin/sh
huge:x:4294967295:1:::
web:x:9:9:second::
`

const testGroups = `root:x:0:
web:x:1001:
docker:x:999:web,other
audio:x:29:other,web
again:x:29:web
broken:x:y:web
webs:x:30:webx,xweb
`

func find(t *testing.T, name string) (*Identity, error) {
	t.Helper()
	users, err := readDatabase(strings.NewReader(testUsers), 7)
	if err != nil {
		t.Fatal(err)
	}
	groups, err := readDatabase(strings.NewReader(testGroups), 4)
	if err != nil {
		t.Fatal(err)
	}
	return search(name, users, groups)
}

func TestSearch(t *testing.T) {
	for name, want := range map[string]string{
		"web":         "1000:1001 [999 29] /srv/web web /bin/zsh",
		"web:docker":  "1000:999 [] /srv/web web /bin/zsh",
		"web:5":       "1000:5 [] /srv/web web /bin/zsh",
		"1000":        "1000:1001 [999 29] /srv/web web /bin/zsh",
		"1000:0":      "1000:0 [] /srv/web web /bin/zsh",
		"12345":       "12345:12345 [] /  ",
		"12345:29":    "12345:29 [] /  ",
		"12345:audio": "12345:29 [] /  ",
		"bare":        "7:7 [] / bare ",
		"42":          "43:43 [] /by-name 42 ",
		"root":        "0:0 [] /root root /bin/bash",
		"nobody":      `cannot find user "nobody" in /etc/passwd: there is no such entry`,
		"web:nobody":  `cannot find group "nobody" in /etc/group: there is no such entry`,
		"short":       `cannot find user "short" in /etc/passwd: there is no such entry`,
		"worse":       `cannot find user "worse" in /etc/passwd: there is no such entry`,
		"lost":        `cannot use user "lost" of /etc/passwd: its group "group" is no number`,
		"huge":        `cannot find user "huge" in /etc/passwd: there is no such entry`,
		"4294967295":  `cannot find user "4294967295" in /etc/passwd: there is no such entry`,
		"4294967296":  `cannot find user "4294967296" in /etc/passwd: there is no such entry`,
		"-1":          `cannot find user "-1" in /etc/passwd: there is no such entry`,
		"":            `cannot find user "" in /etc/passwd: there is no such entry`,
		"web:":        `cannot find group "" in /etc/group: there is no such entry`,
	} {
		who, err := find(t, name)
		var got string
		if err == nil {
			got = fmt.Sprintf("%d:%d %d %s %s %s", who.UID, who.GID, who.Groups, who.Home, who.login, who.shell)
		} else {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
		if err != nil && !errors.Is(err, ErrNoEntry) && name != "lost" {
			t.Errorf("%s: no ErrNoEntry in %v", name, err)
		}
	}
}

func TestEnvironOfAUser(t *testing.T) {
	web, err := find(t, "web")
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := find(t, "12345")
	if err != nil {
		t.Fatal(err)
	}
	given := web.User
	for name, tt := range map[string]struct {
		who  *Identity
		env  []string
		want string
	}{
		"nobody in particular": {nil, []string{"A=1"}, "[A=1]"},
		"one with ids":         {&Identity{User: given}, []string{"A=1"}, "[A=1]"},
		"one looked up":        {web, []string{"A=1"}, "[A=1 HOME=/srv/web USER=web LOGNAME=web SHELL=/bin/zsh]"},
		"what is there stays":  {web, []string{"HOME=", "SHELL=/x", "USERS=1"}, "[HOME= SHELL=/x USERS=1 USER=web LOGNAME=web]"},
		"one without an entry": {stranger, nil, "[HOME=/]"},
	} {
		before := fmt.Sprint(tt.env)
		if got := fmt.Sprint(tt.who.environ(tt.env)); got != tt.want || fmt.Sprint(tt.env) != before {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

func TestDatabaseIsBounded(t *testing.T) {
	if _, err := readDatabase(strings.NewReader(strings.Repeat("a:b:c:d\n", maxDatabase/8+1)), 4); err == nil {
		t.Error("too many lines were read")
	}
	if _, err := readDatabase(strings.NewReader(strings.Repeat("a", maxDatabase+1)), 4); err == nil {
		t.Error("a line too long was read")
	}
	if db, err := readDatabase(strings.NewReader("a:x:1:b,"+strings.Repeat("c", 100_000)), 4); err != nil || len(db) != 1 {
		t.Errorf("a long line: %d, %v", len(db), err)
	}
}

// Whatever the databases hold, an id that is found is one that the kernel
// takes for an id.
func FuzzSearch(f *testing.F) {
	f.Add("web", testUsers, testGroups)
	f.Add("web:docker", testUsers, testGroups)
	f.Add("1000:29", "", "")
	f.Add(":", ":::::::", ":::")
	f.Fuzz(func(t *testing.T, name, passwd, group string) {
		users, err := readDatabase(strings.NewReader(passwd), 7)
		if err != nil {
			return
		}
		groups, err := readDatabase(strings.NewReader(group), 4)
		if err != nil {
			return
		}
		who, err := search(name, users, groups)
		if err != nil {
			return
		}
		for _, id := range append([]uint32{who.UID, who.GID}, who.Groups...) {
			if id == 1<<32-1 {
				t.Errorf("%q: %+v", name, who)
			}
		}
		if who.Home == "" {
			t.Errorf("%q has no home", name)
		}
	})
}
