package checks

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// TestReasons: every sentinel error by which something can be unknown has a Russian text.
func TestReasons(t *testing.T) {
	for _, dir := range []string{".", "../dnsclient"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || len(call.Args) != 1 {
					return true
				}
				name, ok := call.Fun.(*ast.SelectorExpr)
				if pkg, isName := ast.Unparen(exprOf(name)).(*ast.Ident); !ok || !isName || pkg.Name != "errors" || name.Sel.Name != "New" {
					return true
				}
				if lit, ok := call.Args[0].(*ast.BasicLit); ok {
					text, err := strconv.Unquote(lit.Value)
					if err != nil {
						t.Fatal(err)
					}
					if got := reasonIn(text); got.RU == text || strings.ContainsFunc(withoutNames(got.RU), isLatin) {
						t.Errorf("%s: %q has no Russian text: %q", file, text, got.RU)
					}
				}
				return true
			})
		}
	}
}

func exprOf(s *ast.SelectorExpr) ast.Expr {
	if s == nil {
		return &ast.BadExpr{}
	}
	return s.X
}

func isLatin(r rune) bool { return r <= unicode.MaxASCII && unicode.IsLetter(r) }

// withoutNames leaves out what is not translated: names of protocols, records, checks and settings.
func withoutNames(text string) string {
	return strings.NewReplacer("DNS", "", "SPF", "", "HELO", "", "helo_name", "", "MAIL", "", "RCPT", "", "SERVFAIL", "", "REFUSED", "", "TLSA", "", "MX", "", "TCP", "",
		"SOA", "", "RFC", "", "smtp", "", "IP", "", "vantage.egress", "", ".invalid", "", "in-addr.arpa", "").Replace(text)
}

// TestReasonOfOthers: what others said stays as it is, also where it reads like words of ours.
func TestReasonOfOthers(t *testing.T) {
	for text, want := range map[string]string{
		`look up addresses of "no answer in time": no answer in time`: `запрос адресов "no answer in time": нет ответа вовремя`,
		`it said "a \" no answer in time`:                             `it said "a \" no answer in time`,
		"unknown words, and server failures":                          "unknown words, and server failures",
		"":                                                            "",
	} {
		if got := reasonIn(text); got.RU != want || got.EN != text {
			t.Errorf("%q: %q, want %q", text, got.RU, want)
		}
	}
}
