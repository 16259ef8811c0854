package checks

// A Verifier judges certificate chains against trust anchors.
type Verifier struct{}
