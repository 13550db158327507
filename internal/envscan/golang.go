package envscan

import (
	"go/scanner"
	gotoken "go/token"
	"strconv"
)

// goUses finds os.Getenv("X") and os.LookupEnv("X").
func goUses(src []byte) (uses []found) {
	set := gotoken.NewFileSet()
	file := set.AddFile("", set.Base(), len(src))
	var s scanner.Scanner
	s.Init(file, src, func(gotoken.Position, string) {}, 0)
	type piece struct {
		tok gotoken.Token
		lit string
	}
	var last [4]piece // os . Getenv (
	for {
		pos, tok, lit := s.Scan()
		if tok == gotoken.EOF {
			return uses
		}
		if tok == gotoken.STRING && last[0].lit == "os" && last[1].tok == gotoken.PERIOD && last[3].tok == gotoken.LPAREN &&
			(last[2].lit == "Getenv" || last[2].lit == "LookupEnv") {
			if name, err := strconv.Unquote(lit); err == nil && isName(name) {
				uses = append(uses, found{name, file.Offset(pos)})
			}
		}
		last = [4]piece{last[1], last[2], last[3], {tok, lit}}
	}
}
