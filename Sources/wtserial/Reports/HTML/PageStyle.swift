/// How a report looks; light or dark as its reader's system is.
enum PageStyle {
  static let css = """
    :root { color-scheme: light dark; --back: #ffffff; --fore: #1c2024; --faint: #5b6570;
      --line: #d5dae0; --c1: #0b62a4; --c2: #b3261e; --c3: #7a5200; --good: #1a7f37; --bad: #b3261e }
    @media (prefers-color-scheme: dark) { :root { --back: #14171a; --fore: #e6e9ec;
      --faint: #a3adb8; --line: #363c43; --c1: #6db3f2; --c2: #ff8f85; --c3: #e3b341;
      --good: #57c776; --bad: #ff8f85 } }
    body { margin: 0 auto; max-width: 60rem; padding: 1rem; background: var(--back);
      color: var(--fore); font: 15px/1.45 system-ui, sans-serif }
    h1 { font-size: 1.4rem; margin: 0 0 .3rem; overflow-wrap: anywhere }
    h2 { font-size: 1.05rem; margin: 1.4rem 0 .4rem }
    p { overflow-wrap: anywhere }
    .good { color: var(--good) } .bad { color: var(--bad) }
    dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: .7rem 1.2rem }
    dt { color: var(--faint); font-size: .85rem } dd { margin: 0; overflow-wrap: anywhere }
    .wide { grid-column: 1 / -1 }
    table { border-collapse: collapse; width: 100% }
    th, td { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line);
      overflow-wrap: break-word }
    th { color: var(--faint); font-weight: normal; font-size: .85rem }
    td.number, th.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
    svg { display: block; width: 100%; height: auto; margin: 1.1rem 0; font: 12px system-ui, sans-serif }
    svg text { fill: var(--faint); stroke: var(--back); stroke-width: 4px; paint-order: stroke }
    svg .heading { fill: var(--fore); font-size: 14px }
    svg polyline { fill: none; stroke-width: 1.8; stroke-linejoin: round }
    svg .grid { stroke: var(--line) } svg .mark { stroke: var(--faint); stroke-dasharray: 2 3 }
    svg .limit { stroke: var(--faint); stroke-dasharray: 6 4 }
    svg .curve1 { stroke: var(--c1) } svg .curve2 { stroke: var(--c2) } svg .curve3 { stroke: var(--c3) }
    svg .dot1 { fill: var(--c1) }
    svg .name1 { fill: var(--c1) } svg .name2 { fill: var(--c2) } svg .name3 { fill: var(--c3) }
    footer { color: var(--faint); font-size: .85rem; margin-top: 1.5rem }
    """
}
