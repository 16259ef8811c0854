package targets

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const ownReply = `
replies:
  - id: our_relay_full
    cause: storage_full
    retry: "later"
    actor: provider
    match: {codes: [452, 552], text: ["out of room at the house"]}
    title: Our relay is full
    meaning: {en: "The disk of our relay is full.", ru: "На диске нашего релея нет места."}
    causes: ["A mailing."]
    remedies: ["Call 112-2."]
    references: ["https://wiki.example.org/relay"]
`

const ownList = `
blocklists:
  - id: house
    zone: bl.house.example
    kinds: [ipv4]
    scope: address
    codes: {127.0.0.2: listed, 127.0.0.3: {meaning: dialup, severity: info, text: "A line of a household."}}
    title: The house list
    lists: What the house does not like.
    terms: Ours.
    removal: {url: "https://bl.house.example/", en: "Ask.", ru: "Спросите."}
    causes: ["A mailing."]
    remedies: ["Ask."]
    references: ["https://bl.house.example/"]
`

// withCatalogFile parses a configuration that names a file with this text.
func withCatalogFile(t *testing.T, text, rest string) (*Config, error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "own.yml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Parse(filepath.Join(dir, "exporter.yml"), []byte("catalog_files: [\"*.yml\"]\n"+rest), testOptions())
}

func TestOwnReply(t *testing.T) {
	cfg, err := withCatalogFile(t, ownReply, "")
	if err != nil {
		t.Fatal(err)
	}
	got := cfg.Catalog().Classify("mx.example.org", 552, "5.2.2", "Mailbox full: out of  ROOM at the house")
	if got.Cause != "storage_full" || got.Entry == nil || got.Entry.ID != "our_relay_full" || got.Entry.Title.RU != "Our relay is full" {
		t.Errorf("one's own entry does not come first: %+v", got)
	}
	if got := cfg.Catalog().Classify("mx.example.org", 550, "5.1.1", "User unknown"); got.Cause != "user_unknown" {
		t.Errorf("the program's own entries are gone: %+v", got)
	}
	if got := defaults().Catalog().Classify("", 552, "", "out of room at the house"); got.Cause == "storage_full" {
		t.Error("an entry of one configuration is in another")
	}
}

func TestOwnBlocklist(t *testing.T) {
	cfg, err := withCatalogFile(t, ownList, "blocklists: {use: [house]}\n")
	if err != nil {
		t.Fatal(err)
	}
	if lists := cfg.Blocklists.Lists; len(lists) != 1 || lists[0].Zone != "bl.house.example" || lists[0].Codes["127.0.0.3"].Text.RU != "A line of a household." {
		t.Errorf("lists %+v", lists)
	}
	cfg, err = withCatalogFile(t, strings.Replace(ownList, "id: house", "id: spamcop", 1), "blocklists: {use: [spamcop]}\n")
	if err != nil || cfg.Blocklists.Lists[0].Zone != "bl.house.example" {
		t.Errorf("an entry with the id of another does not take its place: %v", err)
	}
	names := strings.Replace(ownList, "kinds: [ipv4]", "kinds: [domain]\n    registered: true", 1)
	cfg, err = withCatalogFile(t, names, "blocklists: {use: [house]}\n")
	if err != nil || !cfg.Blocklists.Lists[0].Registered {
		t.Errorf("a list of registered domains: %v", err)
	}
}

// TestBadCatalogFiles: a mistake in an entry is one of the configuration, with its place.
func TestBadCatalogFiles(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"unknown key", "reples: []\n", "own.yml:1:1: reples: unknown key; did you mean replies?"},
		{"cause", strings.Replace(ownReply, "storage_full", "full", 1), "own.yml:4:12: replies[0].cause: "},
		{"retry", strings.Replace(ownReply, `"later"`, "maybe", 1), "own.yml:5:12: replies[0].retry: "},
		{"code", strings.Replace(ownReply, "452", "99", 1), "own.yml:7:21: replies[0].match.codes[0]: "},
		{"remedy", strings.Replace(ownReply, `    remedies: ["Call 112-2."]`+"\n", "", 1), "own.yml:3:5: replies[0]: remedies is missing"},
		{"one language", strings.Replace(ownReply, `, ru: "На диске нашего релея нет места."`, "", 1), "own.yml:9:14: replies[0].meaning: ru is missing"},
		{"reference", strings.Replace(ownReply, "https://wiki", "wiki", 1), "exporter.yml:1:16: catalog_files: reply our_relay_full: reference "},
		{"empty match", strings.Replace(ownReply, `{codes: [452, 552], text: ["out of room at the house"]}`, "{}", 1), "reply our_relay_full: match says neither text nor code"},
		{"twice", ownReply + strings.TrimPrefix(strings.Replace(ownReply, "our_relay_full", "again", 1), "\nreplies:"), "matches the same replies as"},
		{"setting", strings.Replace(ownReply, "    references", "    programs: [nothing]\n    references", 1), "there is no setting nothing"},
		{"provider", strings.Replace(ownReply, "    cause", "    provider: nobody\n    cause", 1), "there is no provider nobody"},
		{"bit", "blocklists: [{id: a, zone: bl.example.org, bits: {3: x}}]\n", "want one bit"},
		{"not YAML", "replies: [\n", "own.yml:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := withCatalogFile(t, c.text, "")
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}
