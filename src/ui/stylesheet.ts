/**
 * The page's one stylesheet. Light and dark by the reader's own setting; text contrast at least 7:1 in both, so that it
 * reads on a dim screen; one column on a phone.
 */
export const STYLESHEET = `
:root {
  color-scheme: light dark;
  --ground: #ffffff; --raised: #f5f6f8; --line: #c5cad3; --text: #14181f; --quiet: #434b58;
  --link: #0b4a9e; --good: #14532d; --bad: #8f1313; --warn: #6a4200; --sev1: #8f1313; --sev2: #6a4200; --on-sev: #ffffff; --mark: #fde9b0; --mark-text: #3f2a00; --bar: #3b6fb5;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #101318; --raised: #191e26; --line: #3d4653; --text: #eef1f5; --quiet: #bcc5d1;
    --link: #a9cdff; --good: #9be3b4; --bad: #ffb3ad; --warn: #ffd596; --sev1: #ffb3ad; --sev2: #ffd596; --on-sev: #1b0d05; --mark: #4d3a0c; --mark-text: #ffe7b0; --bar: #7fb0f0;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.skip { position: absolute; left: -999rem; }
.skip:focus { left: 1rem; top: .5rem; background: var(--ground); padding: .5rem; }
body > header, main, body > footer { max-width: 76rem; margin: 0 auto; padding: .75rem 1rem; }
body > header { border-bottom: 1px solid var(--line); } body > header nav { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; }
body > header a:first-child { font-weight: 700; }
body > footer { color: var(--quiet); font-size: .875rem; border-top: 1px solid var(--line); margin-top: 2rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .75rem 0 .25rem; }
h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; padding-top: .5rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1rem 0 .25rem; }
h4 { font-size: .95rem; margin: .75rem 0 .25rem; }
p, ul, ol, dl { margin: .35rem 0; }
ul, ol { padding-left: 1.25rem; }
code, pre { font: .875rem/1.45 ui-monospace, monospace; }
pre { white-space: pre-wrap; background: var(--raised); border: 1px solid var(--line); border-radius: .25rem; padding: .6rem; margin: .35rem 0; max-height: 32rem; overflow: auto; }
mark { background: var(--mark); color: var(--mark-text); padding: 0 .15rem; border-radius: .15rem; }
.quiet { color: var(--quiet); }
.good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); }
.badge { display: inline-block; border: 1px solid currentColor; border-radius: 1rem; padding: 0 .55rem; font-size: .875rem; font-weight: 600; white-space: nowrap; }
.badge.loud { border-color: transparent; color: var(--on-sev); } .badge.sev1 { background: var(--sev1); } .badge.sev2 { background: var(--sev2); }
.ref { color: var(--quiet); font-weight: 600; }
dl.standing { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .6rem 1.25rem; border: 1px solid var(--line); border-radius: .35rem; padding: .7rem .85rem; margin: .6rem 0; background: var(--raised); }
dl.standing dt { color: var(--quiet); font-size: .8125rem; } dl.standing dd { margin: 0; font-weight: 600; } dl.standing dd .quiet { font-weight: 400; }
dl.standing .wide { grid-column: 1 / -1; }
.attention { border: 2px solid var(--bad); border-radius: .35rem; padding: .4rem .85rem; margin: .6rem 0; }
.attention h2 { border: 0; margin: 0; padding: 0; font-size: 1rem; color: var(--bad); }
.attention li { font-weight: 600; }
.notice { border-left: .3rem solid var(--warn); background: var(--raised); padding: .4rem .75rem; margin: .5rem 0; }
.card { border: 1px solid var(--line); border-radius: .35rem; padding: .5rem .85rem; margin: .6rem 0; background: var(--raised); }
.card > h3 { margin-top: .1rem; }
.two { display: grid; grid-template-columns: 1fr 1fr; gap: 0 1.5rem; }
.brief { columns: 24rem 3; column-gap: 2rem; }
.brief > section { break-inside: avoid; padding-bottom: .75rem; } .brief h3 { margin-top: 0; } .brief li { margin: .2rem 0; } .brief li.lead { font-weight: 600; }
.ids { font-size: .875rem; font-weight: 400; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; margin: .4rem 0; }
caption { text-align: left; color: var(--quiet); font-size: .875rem; padding-bottom: .25rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .75rem .3rem 0; border-top: 1px solid var(--line); }
thead th { border-top: 0; font-size: .875rem; color: var(--quiet); }
table.stack td { overflow-wrap: break-word; } table.stack td.what { overflow-wrap: anywhere; }
table.measures th[scope=row] { min-width: 14rem; font-weight: 400; }
table.incidents th[scope=row] { min-width: 16rem; } table.incidents th[scope=row] .quiet, table.incidents th[scope=row] .bad { font-weight: 400; }
thead th, table.stack td.mark { overflow-wrap: normal; } thead th, time, table.waterfall td.time { white-space: nowrap; }
td.time, .time { font-variant-numeric: tabular-nums; }
form { display: flex; flex-wrap: wrap; gap: .5rem; align-items: end; margin: .5rem 0; }
label { display: flex; flex-direction: column; font-size: .875rem; color: var(--quiet); }
input, select, button { font: inherit; color: var(--text); background: var(--ground); border: 1px solid var(--quiet); border-radius: .25rem; padding: .35rem .5rem; min-height: 2.5rem; }
nav.filters { display: flex; flex-wrap: wrap; gap: .25rem .9rem; margin: .4rem 0; padding: 0; }
nav.filters a { display: inline-block; padding: .2rem 0; min-height: 1.75rem; }
nav.filters [aria-current] { font-weight: 700; text-decoration: none; color: var(--text); }
ol.timeline { list-style: none; padding: 0; }
ol.timeline > li { border-top: 1px solid var(--line); padding: .35rem 0; }
details > summary { cursor: pointer; color: var(--link); padding: .15rem 0; }
dl.facts { display: grid; grid-template-columns: minmax(8rem, max-content) 1fr; gap: .15rem 1rem; }
dl.facts dt { color: var(--quiet); } dl.facts dd { margin: 0; }
table.waterfall th[scope=row] { min-width: 16rem; }
svg.bar { display: block; width: 100%; min-width: 12rem; height: 1rem; }
svg.bar rect.lane { fill: var(--raised); } svg.bar rect.span { fill: var(--bar); } svg.bar rect.failed { fill: var(--bad); }
.depth-1 { padding-left: .75rem; } .depth-2 { padding-left: 1.5rem; } .depth-3 { padding-left: 2.25rem; } .depth-4 { padding-left: 3rem; }
.depth-5 { padding-left: 3.75rem; } .depth-6 { padding-left: 4.5rem; } .depth-7 { padding-left: 5.25rem; } .depth-8 { padding-left: 6rem; }
@media (max-width: 44rem) {
  .two { grid-template-columns: 1fr; } .brief { columns: 1; }
  table.stack thead { position: absolute; left: -999rem; }
  table.stack, table.stack tbody { display: block; }
  table.stack tr { display: block; border-top: 1px solid var(--line); padding: .4rem 0; }
  table.stack th, table.stack td { display: block; border: 0; padding: .1rem 0; }
  table.waterfall td.time { display: inline-block; padding-right: 1rem; }
  dl.facts { grid-template-columns: 1fr; } dl.facts dd { margin-bottom: .3rem; }
}
@media print { body > header, form, nav { display: none; } pre { max-height: none; } }
`.trimStart();
