"use strict";
// Which photos are looked at and in which order, from the compact rows of photos.py. Nothing here touches the page.
const photoFacts = (browser) => {
  const hit = browser.kinds.indexOf("hit");
  const BOX = 8, OBJECT = 5;
  const rows = (flat, length) => Array.from({ length: flat.length / length }, (_, k) => flat.slice(k * length, (k + 1) * length));

  const objects = (photo) => rows(photo.truth, OBJECT).map(([label, x, y, width, height]) => ({ label, x, y, width, height, kind: "truth" }));
  const boxes = (photo, member, score) => rows(photo.boxes[member] ?? [], BOX)
    .filter((row) => row[1] >= score)
    .map(([label, percent, kind, object, x, y, width, height]) => ({ label, percent, kind: browser.kinds[kind], object, x, y, width, height }));

  const found = (photo, member, score) =>
    new Set(rows(photo.boxes[member] ?? [], BOX).filter((row) => row[1] >= score && row[2] === hit).map((row) => row[3]));
  const missed = (photo, member, score) => {
    if (photo.boxes[member] === null) return [];
    const seen = found(photo, member, score);
    return objects(photo).filter((_, k) => !seen.has(k)).map((object) => ({ ...object, kind: "missed" }));
  };
  const wrong = (photo, member, score) => boxes(photo, member, score).filter((box) => box.kind !== "hit");
  const mistakes = (photo, member, score) => [...wrong(photo, member, score), ...missed(photo, member, score)];

  // Of each object, which members that looked at the photo find it.
  const sight = (photo, score) => {
    const looked = browser.members.map((_, k) => k).filter((k) => photo.boxes[k] !== null);
    const finds = new Map(looked.map((k) => [k, found(photo, k, score)]));
    return objects(photo).map((_, object) => looked.map((member) => ({ member, finds: finds.get(member).has(object) })));
  };
  const singles = (seen) => seen.filter(({ member }) => !browser.members[member].ensemble);
  const byEnsemble = (seen) => seen.find(({ member }) => browser.members[member].ensemble)?.finds;
  const agreements = {
    any: () => true,
    disagree: (photo, score) => disagreement(photo, score) > 0,
    nobody: (photo, score) => sight(photo, score).some((seen) => seen.length && seen.every(({ finds }) => !finds)),
    wins: (photo, score) => sight(photo, score).some((seen) => byEnsemble(seen) === true && singles(seen).some(({ finds }) => !finds)),
    loses: (photo, score) => sight(photo, score).some((seen) => byEnsemble(seen) === false && singles(seen).some(({ finds }) => finds)),
  };
  // Objects that some models find and others do not.
  const disagreement = (photo, score) => sight(photo, score).filter((seen) => {
    const alone = singles(seen);
    return alone.some(({ finds }) => finds) && alone.some(({ finds }) => !finds);
  }).length;

  const fits = (photo, wanted) => {
    if (wanted.name && !photo.name.toLowerCase().includes(wanted.name.toLowerCase())) return false;
    if (photo.boxes[wanted.judge] === null) return false;
    if (!agreements[wanted.agreement](photo, wanted.score)) return false;
    const all = mistakes(photo, wanted.judge, wanted.score);
    if (wanted.mistake === "none") return !all.length && (wanted.label === null || shows(photo, wanted));
    if (wanted.mistake) return all.some((box) => box.kind === wanted.mistake && (wanted.label === null || box.label === wanted.label));
    return wanted.label === null || shows(photo, wanted);
  };
  const shows = (photo, { judge, score, label }) => [...objects(photo), ...boxes(photo, judge, score)].some((box) => box.label === label);

  const orders = {
    mistakes: (photo, { judge, score }) => -mistakes(photo, judge, score).length,
    surest: (photo, { judge, score }) => -Math.max(-1, ...wrong(photo, judge, score).map((box) => box.percent)),
    disagreement: (photo, { score }) => -disagreement(photo, score),
  };

  // Numbers of the photos that fit, in the order wanted; equal ones stay as they are in the file.
  const chosen = (wanted) => {
    const numbers = browser.photos.map((_, k) => k).filter((k) => fits(browser.photos[k], wanted));
    if (wanted.order === "name") return numbers.sort((a, b) => browser.photos[a].name.localeCompare(browser.photos[b].name));
    const ranks = new Map(numbers.map((k) => [k, orders[wanted.order](browser.photos[k], wanted)]));
    return numbers.sort((a, b) => ranks.get(a) - ranks.get(b) || a - b);
  };
  return { chosen, objects, boxes, missed, mistakes };
};
