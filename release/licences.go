package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// A module is one that is linked into the program on some platform.
type module struct {
	path, version string
	licence       licence
}

// A licence is under which terms a module may be passed on.
type licence struct {
	id     string // SPDX's short name, or an expression of them.
	text   string // The module's own file, for it names who holds the rights.
	notice string // Its NOTICE file, which Apache-2.0 section 4(d) wants passed on.
}

// modules gives the modules that are linked in on any platform, sorted by path, and Go's own library at the end.
func modules(ctx context.Context) ([]module, error) {
	dirs, versions := map[string]string{}, map[string]string{}
	for _, p := range platforms {
		cmd := exec.CommandContext(ctx, "go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}", "./cmd/"+program)
		cmd.Env = append(os.Environ(), "GOOS="+p.os, "GOARCH="+p.arch, "CGO_ENABLED=0", "GOFLAGS=")
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("go list: %w\n%s", err, stderr.String())
		}
		for line := range strings.Lines(string(out)) {
			if f := strings.SplitN(strings.TrimSpace(line), " ", 3); len(f) == 3 {
				versions[f[0]], dirs[f[0]] = f[1], f[2]
			}
		}
	}
	root, err := output(ctx, "go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	var all []module
	for path, dir := range dirs {
		l, err := licenceIn(dir)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, module{path, versions[path], l})
	}
	slices.SortFunc(all, func(a, b module) int { return cmp.Compare(a.path, b.path) })
	l, err := licenceIn(root)
	if err != nil {
		return nil, fmt.Errorf("the standard library: %w", err)
	}
	return append(all, module{"std", "", l}), nil
}

// licenceIn reads the licence that a module's directory has.
func licenceIn(dir string) (licence, error) {
	var l licence
	for _, name := range []string{"LICENSE", "LICENSE.txt", "LICENSE.md", "COPYING", "LICENCE"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			continue
		}
		l.text = plain(string(text))
		break
	}
	if l.text == "" {
		return l, errors.New("no licence is found")
	}
	// Of what was itself taken from elsewhere.
	if text, err := os.ReadFile(filepath.Join(dir, "LICENSE.libyaml")); err == nil {
		l.text += "\n" + plain(string(text))
	}
	if notice, err := os.ReadFile(filepath.Join(dir, "NOTICE")); err == nil {
		l.notice = plain(string(notice))
	}
	if l.id = identify(l.text); l.id == "" {
		return l, errors.New("its licence is not one that we know; may the program be passed on with it?")
	}
	return l, nil
}

// plain is a text with the ends of lines that everybody has.
func plain(text string) string {
	return strings.Trim(strings.ReplaceAll(text, "\r\n", "\n"), "\n") + "\n"
}

// identify gives the SPDX name of a licence by words that only it has; "": it is none of those that we accept.
func identify(text string) string {
	words := strings.Join(strings.Fields(text), " ")
	has := func(phrase string) bool { return strings.Contains(words, phrase) }
	apache := has("http://www.apache.org/licenses/LICENSE-2.0") || has("Apache License Version 2.0, January 2004")
	mit := has("Permission is hereby granted, free of charge, to any person obtaining a copy")
	bsd := has("Redistribution and use in source and binary forms, with or without modification, are permitted")
	switch {
	case mit && apache:
		return "MIT AND Apache-2.0"
	case apache:
		return "Apache-2.0"
	case mit:
		return "MIT"
	case bsd && (has("Neither the name") || has("may be used to endorse or promote products")):
		return "BSD-3-Clause"
	case bsd:
		return "BSD-2-Clause"
	}
	return ""
}

// noticeOf writes NOTICE: what is linked in and under which terms, with the texts that these terms want passed on. Versions
// are in the SBOM; here they would only change the file.
func noticeOf(all []module) string {
	var b strings.Builder
	b.WriteString(`mailprobe_exporter
Copyright The mailprobe_exporter authors

Licensed under the Apache License, Version 2.0, whose text is in the file LICENSE.

The program contains these modules, and parts of Go's standard library. Their licences follow; that of Apache-2.0 is in LICENSE.

`)
	width := 0
	for _, m := range all {
		width = max(width, len(m.path))
	}
	for _, m := range all {
		fmt.Fprintf(&b, "    %-*s  %s\n", width, m.path, m.licence.id)
	}
	b.WriteString(`
The public suffixes in golang.org/x/net/publicsuffix come from https://publicsuffix.org/list/, under the Mozilla Public License 2.0
(https://mozilla.org/MPL/2.0/), where their source can be had.
`)
	const rule = "\n--------------------------------------------------------------------------------\n"
	for _, group := range sameTexts(all) {
		b.WriteString(rule + group.names + "\n\n" + group.text)
	}
	return b.String()
}

// A sharedText is a text that several modules have.
type sharedText struct{ names, text string }

// sameTexts gives the texts to be passed on, each once, in the order of the first module that has it.
func sameTexts(all []module) []sharedText {
	var texts []sharedText
	for _, m := range all {
		text := m.licence.notice
		if m.licence.id != "Apache-2.0" {
			text += m.licence.text
		}
		if text == "" {
			continue
		}
		i := slices.IndexFunc(texts, func(t sharedText) bool { return t.text == text })
		if i < 0 {
			texts = append(texts, sharedText{m.path, text})
			continue
		}
		texts[i].names += "\n" + m.path
	}
	return texts
}
