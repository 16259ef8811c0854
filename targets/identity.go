package targets

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Identity tells targets apart that are probed in different ways, as Same does, for what is known of them over a restart. How often they
// are probed does not matter to what was seen, nor does what is empty or zero, so that a new version of the program,
// which can do more, finds again what an older one wrote. Of a password it has the mark and no more.
func (t *Target) Identity() string {
	t = inOrder(t)
	about := map[string]any{
		"name": t.Name, "kind": t.Kind, "foreign": t.Foreign, "parked": t.parked(),
		"domain": t.Domain, "server": t.Server, "sender": t.Sender,
	}
	if t.Server != nil && t.Server.Credentials != nil {
		about["mark"] = t.Server.Credentials.Password.Mark()
	}
	text, err := json.Marshal(about)
	if err == nil {
		var values any
		if err = json.Unmarshal(text, &values); err == nil {
			text, err = json.Marshal(withoutZero(values)) // Keys come sorted.
		}
	}
	if err != nil {
		return "" // There is nothing in a target that JSON has no form for.
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// withoutZero returns a JSON value without the members that are empty or zero; nil if nothing is left.
func withoutZero(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, member := range v {
			if v[key] = withoutZero(member); v[key] == nil {
				delete(v, key)
			}
		}
		if len(v) == 0 {
			return nil
		}
	case []any:
		if len(v) == 0 {
			return nil
		}
	case string:
		if v == "" {
			return nil
		}
	case float64:
		if v == 0 {
			return nil
		}
	case bool:
		if !v {
			return nil
		}
	}
	return v
}
