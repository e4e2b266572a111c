package policydb

const minContext = 3*4 + minRange

func (c *cursor) context() Context {
	return Context{User: c.u32(), Role: c.u32(), Type: c.u32(), Range: c.rng()}
}

func (c *cursor) initialSIDs(p *Policy) {
	p.InitialSIDs = make([]InitialSID, c.count(4+minContext))
	for i := range p.InitialSIDs {
		p.InitialSIDs[i] = InitialSID{SID: c.u32(), Context: c.context()}
		if c.err != nil {
			return
		}
	}
}

func (c *cursor) fs(p *Policy) {
	p.FS = make([]FS, c.count(4+1+2*minContext))
	for i := range p.FS {
		p.FS[i] = FS{Name: c.name(c.u32()), Context: c.context(), File: c.context()}
		if c.err != nil {
			return
		}
	}
}

func (c *cursor) portcons(p *Policy) {
	p.Portcons = make([]Portcon, c.count(3*4+minContext))
	for i := range p.Portcons {
		p.Portcons[i] = Portcon{Protocol: c.u32(), Low: c.u32(), High: c.u32(), Context: c.context()}
		if c.err != nil {
			return
		}
	}
}

func (c *cursor) netifcons(p *Policy) {
	p.Netifcons = make([]Netifcon, c.count(4+1+2*minContext))
	for i := range p.Netifcons {
		p.Netifcons[i] = Netifcon{Name: c.name(c.u32()), Interface: c.context(), Packet: c.context()}
		if c.err != nil {
			return
		}
	}
}

func (c *cursor) nodecons(p *Policy) {
	p.Nodecons = make([]Nodecon, c.count(2*4+minContext))
	for i := range p.Nodecons {
		n := &p.Nodecons[i]
		copy(n.Addr[:], c.take(4))
		copy(n.Mask[:], c.take(4))
		n.Context = c.context()
		if c.err != nil {
			return
		}
	}
}

func (c *cursor) fsUses(p *Policy) {
	p.FSUses = make([]FSUse, c.count(2*4+1+minContext))
	for i := range p.FSUses {
		p.FSUses[i] = FSUse{Behavior: c.u32(), Name: c.name(c.u32()), Context: c.context()}
		if c.err != nil {
			return
		}
	}
}

func (c *cursor) nodecons6(p *Policy) {
	p.Nodecons6 = make([]Nodecon6, c.count(8*4+minContext))
	for i := range p.Nodecons6 {
		n := &p.Nodecons6[i]
		copy(n.Addr[:], c.take(16))
		copy(n.Mask[:], c.take(16))
		n.Context = c.context()
		if c.err != nil {
			return
		}
	}
}

func (c *cursor) ibpkeycons(p *Policy) {
	if !FeatureInfiniband.In(p.Version) {
		return
	}
	p.IBPkeycons = make([]IBPkeycon, c.count(4*4+minContext))
	for i := range p.IBPkeycons {
		k := &p.IBPkeycons[i]
		copy(k.SubnetPrefix[:], c.take(8))
		k.Low, k.High = c.u32(), c.u32()
		k.Context = c.context()
		if c.err != nil {
			return
		}
	}
}

func (c *cursor) ibendportcons(p *Policy) {
	if !FeatureInfiniband.In(p.Version) {
		return
	}
	p.IBEndportcons = make([]IBEndportcon, c.count(2*4+1+minContext))
	for i := range p.IBEndportcons {
		e := &p.IBEndportcons[i]
		size := c.u32()
		e.Port = c.u32()
		e.Device = c.name(size)
		e.Context = c.context()
		if c.err != nil {
			return
		}
	}
}

func (c *cursor) genfscons(p *Policy) {
	p.Genfscons = make([]GenfsType, c.count(4+1+4))
	for i := range p.Genfscons {
		g := &p.Genfscons[i]
		g.FSType = c.name(c.u32())
		g.Paths = make([]Genfscon, c.count(4+1+4+minContext))
		for j := range g.Paths {
			g.Paths[j] = Genfscon{Path: c.name(c.u32()), Class: c.u32(), Context: c.context()}
			if c.err != nil {
				return
			}
		}
	}
}
