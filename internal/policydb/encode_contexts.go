package policydb

func (w *writer) context(c *Context) {
	w.u32(c.User, c.Role, c.Type)
	w.rng(&c.Range)
}

func (w *writer) initialSIDs(p *Policy) {
	w.count(len(p.InitialSIDs))
	for i := range p.InitialSIDs {
		w.u32(p.InitialSIDs[i].SID)
		w.context(&p.InitialSIDs[i].Context)
	}
}

func (w *writer) fs(p *Policy) {
	w.count(len(p.FS))
	for i := range p.FS {
		w.name(p.FS[i].Name)
		w.context(&p.FS[i].Context)
		w.context(&p.FS[i].File)
	}
}

func (w *writer) portcons(p *Policy) {
	w.count(len(p.Portcons))
	for i := range p.Portcons {
		c := &p.Portcons[i]
		w.u32(c.Protocol, c.Low, c.High)
		w.context(&c.Context)
	}
}

func (w *writer) netifcons(p *Policy) {
	w.count(len(p.Netifcons))
	for i := range p.Netifcons {
		c := &p.Netifcons[i]
		w.name(c.Name)
		w.context(&c.Interface)
		w.context(&c.Packet)
	}
}

func (w *writer) nodecons(p *Policy) {
	w.count(len(p.Nodecons))
	for i := range p.Nodecons {
		n := &p.Nodecons[i]
		w.b = append(w.b, n.Addr[:]...)
		w.b = append(w.b, n.Mask[:]...)
		w.context(&n.Context)
	}
}

func (w *writer) fsUses(p *Policy) {
	w.count(len(p.FSUses))
	for i := range p.FSUses {
		w.u32(p.FSUses[i].Behavior)
		w.name(p.FSUses[i].Name)
		w.context(&p.FSUses[i].Context)
	}
}

func (w *writer) nodecons6(p *Policy) {
	w.count(len(p.Nodecons6))
	for i := range p.Nodecons6 {
		n := &p.Nodecons6[i]
		w.b = append(w.b, n.Addr[:]...)
		w.b = append(w.b, n.Mask[:]...)
		w.context(&n.Context)
	}
}

func (w *writer) ibpkeycons(p *Policy) {
	if !FeatureInfiniband.In(w.version) {
		return
	}
	w.count(len(p.IBPkeycons))
	for i := range p.IBPkeycons {
		c := &p.IBPkeycons[i]
		w.b = append(w.b, c.SubnetPrefix[:]...)
		w.u32(c.Low, c.High)
		w.context(&c.Context)
	}
}

func (w *writer) ibendportcons(p *Policy) {
	if !FeatureInfiniband.In(w.version) {
		return
	}
	w.count(len(p.IBEndportcons))
	for i := range p.IBEndportcons {
		c := &p.IBEndportcons[i]
		w.u32(uint32(len(c.Device)), c.Port)
		w.text(c.Device)
		w.context(&c.Context)
	}
}

func (w *writer) genfscons(p *Policy) {
	w.count(len(p.Genfscons))
	for i := range p.Genfscons {
		g := &p.Genfscons[i]
		w.name(g.FSType)
		w.count(len(g.Paths))
		for j := range g.Paths {
			w.name(g.Paths[j].Path)
			w.u32(g.Paths[j].Class)
			w.context(&g.Paths[j].Context)
		}
	}
}
