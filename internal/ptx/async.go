package ptx

// advance lets what is under way beside the warps go on: nothing yet.
func (b *block) advance() bool { return false }
