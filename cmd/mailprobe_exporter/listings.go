package main

import (
	"cmp"
	"slices"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

// A listing is what is known of an address or name on a blocklist.
type listing struct {
	List    string `json:"list"` // Its id.
	Title   string `json:"title"`
	Subject string `json:"subject"`
	Code    string `json:"code"`
	Says    string `json:"meaning"` // What the code means.
	Text    string `json:"text"`    // The list's own words, as they came; "": none.
	Page    string `json:"page"`    // About this subject where the list has one, else about removal.
	Removal string `json:"removal"` // How to get off it, and how long listings last.
}

// listingOf describes a listing in a language.
func listingOf(cat *catalog.Catalog, lang catalog.Lang, v catalog.Values) listing {
	l := listing{
		List: v[catalog.ValueList], Title: cmp.Or(v[catalog.ValueListName], v[catalog.ValueList]), Subject: v[catalog.ValueSubject],
		Code: v[catalog.ValueListCode], Text: v[catalog.ValueListText],
	}
	b, ok := cat.BlocklistByID(l.List)
	if !ok {
		return l
	}
	l.Title, l.Page, l.Removal = plain(b.Title.In(lang)), b.PageOf(l.Subject), plain(b.Removal.In(lang))
	if !strings.Contains(l.Title, ":") {
		l.Title = l.List + ": " + l.Title
	}
	if code, known := b.CodeOf(l.Code); known {
		l.Says = cmp.Or(plain(code.Text.In(lang)), code.Meaning)
	}
	return l
}

// maxListings is how many listings of one problem are described.
const maxListings = 10

// listingsIn describes the listings among the values of a problem, each once.
func listingsIn(cat *catalog.Catalog, lang catalog.Lang, values []catalog.Values) []listing {
	out := []listing{}
	for _, v := range values {
		if v[catalog.ValueListCode] == "" || len(out) == maxListings {
			continue
		}
		if l := listingOf(cat, lang, v); l.Says != "" && !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	return out
}
