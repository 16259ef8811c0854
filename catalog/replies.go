package catalog

// A Reply says what the replies that match it mean.
type Reply struct {
	Advice   `yaml:",inline"`
	Verdict  `yaml:",inline"`
	Provider string `yaml:"provider"` // Only where this provider answers; "" means whoever answers.
	Match    Match  `yaml:"match"`
	Sure     bool   `yaml:"sure"` // Provider and enhanced code decide, whatever the text says.
}

// A Match holds if every condition in it does. A phrase begins where a word does; case and white space do not matter. Within mail and
// web addresses only a phrase is found that is a piece of one: a word with a dot, a slash or an equals sign in it.
type Match struct {
	Codes     []int    `yaml:"codes"`     // Any of these.
	Enhanced  []string `yaml:"enhanced"`  // Any of these; "4.7.500-4.7.699" means all between.
	Text      []string `yaml:"text"`      // Any of these phrases stands in the text.
	Also      []string `yaml:"also"`      // And any of these.
	Not       []string `yaml:"not"`       // And none of these.
	Blocklist bool     `yaml:"blocklist"` // And a blocklist is named.
}

// A ReplyCode says what three digits mean when nothing else is known.
type ReplyCode struct {
	Advice  `yaml:",inline"`
	Verdict `yaml:",inline"`
	Code    int `yaml:"code"`
}

// An EnhancedCode says what an enhanced status code means in the IANA registry (RFC 3463, RFC 5248).
type EnhancedCode struct {
	Advice    `yaml:",inline"`
	Verdict   `yaml:",inline"`
	Detail    string   `yaml:"detail"`    // Subject and detail: "7.26" for 2.7.26, 4.7.26 and 5.7.26.
	Transient *Verdict `yaml:"transient"` // For class 4, where it differs.
}

// A Condition is something that people look for and that is no reply, as an error of a mail program.
type Condition struct {
	Advice  `yaml:",inline"`
	Verdict `yaml:",inline"`
	Words   []string `yaml:"words"` // Phrases by which it is looked for, in both languages.
}

// A Setting says where mail programs keep something that remedies speak of.
type Setting struct {
	ID    string `yaml:"id"`
	Title Text   `yaml:"title"`
	Where []struct {
		Program string `yaml:"program"`
		Path    Text   `yaml:"path"` // The way through its menus.
	} `yaml:"where"`
}

// Reading says how a reply is read.
type Reading struct {
	Code   Text `yaml:"code"`
	Digits struct {
		First  map[string]Text `yaml:"first"`
		Second map[string]Text `yaml:"second"`
	} `yaml:"digits"`
	Unknown    Text            `yaml:"unknown"`
	Enhanced   Text            `yaml:"enhanced"`
	Provider   Text            `yaml:"provider"`
	Subjects   map[string]Text `yaml:"subjects"`
	Positive   Text            `yaml:"positive"`
	Lost       Text            `yaml:"lost"`
	References []string        `yaml:"references"`
}
