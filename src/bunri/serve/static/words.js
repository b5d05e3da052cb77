// What the page says, in each language. {name} is filled in.

export const WORDS = {
  en: {
    title: "How do I sort this?",
    lead: "Take a photo of what you want to throw away. You see what lies there, and which bin each thing goes to.",
    camera: "Take a photo",
    choose: "Choose a photo",
    drop: "… or drop one here. JPEG, PNG, WebP, HEIC up to {megabytes} MB.",
    promise: "The photo is looked at on this server and forgotten. It is saved only if you correct it and press Save.",
    promise_nothing: "The photo is looked at on this server and forgotten. Nothing is saved.",
    threshold: "Show what the model is at least this sure of:",
    correct: "Correct it",
    again: "Another photo",
    editing: "Drag a box or its corners; draw a new one on a free place.",
    editing_keys: "Keys: Tab to a box, arrows move it, Shift with arrows resizes, Delete removes.",
    class: "This is",
    delete: "Delete box",
    add: "Add a box",
    save: "Save for training",
    cancel: "Cancel",
    loading: "The model is being loaded …",
    looking: "Looking at the photo …",
    saving: "Saving …",
    saved: "Saved: {count} boxes. {photos} corrected photos so far. Thank you!",
    nothing: "Nothing found",
    nothing_hint: "Lower the threshold, or go closer and take the photo in better light.",
    found_one: "1 object",
    found: "{count} objects",
    sure: "{percent}% sure",
    or: "Could also be: {names}",
    not_here: "Does not belong here",
    goes_to: "goes to",
    no_rule: "There is no rule for this. Ask your district, or put it in general waste.",
    source: "Rules: {title}, {publisher}, {date}.",
    api: "API description",
    members: "{model} of {count} models",
    box: "{name} {percent}%",
    too_many_bytes: "The photo is too large: at most {megabytes} MB.",
    too_many_pixels: "The photo has too many pixels: at most {megapixels} million.",
    not_a_photo: "This is not a photo that can be read. Is the file whole?",
    busy: "The server is busy. Try again in a moment.",
    too_often: "Too many photos at once. Try again in a minute.",
    too_slow: "The upload took too long. Try a smaller photo.",
    model_failed: "The model failed: {message}",
    network: "The server cannot be reached. Is it still running?",
    failed: "It did not work: {message}",
  },
  ko: {
    title: "이건 어떻게 버리나요?",
    lead: "버릴 물건을 찍어 주세요. 무엇이 있는지, 각각 어디에 버리면 되는지 알려 드립니다.",
    camera: "사진 찍기",
    choose: "사진 고르기",
    drop: "여기에 끌어다 놓아도 됩니다. JPEG, PNG, WebP, HEIC, 최대 {megabytes} MB.",
    promise: "사진은 이 서버에서만 분석하고 바로 지웁니다. 고친 뒤 저장을 눌렀을 때만 보관합니다.",
    promise_nothing: "사진은 이 서버에서만 분석하고 바로 지웁니다. 아무것도 저장하지 않습니다.",
    threshold: "이 확신도 이상만 보기:",
    correct: "고치기",
    again: "다른 사진",
    editing: "상자나 모서리를 끌어 고치고, 빈 곳에 끌어서 새로 그리세요.",
    editing_keys: "키보드: Tab으로 상자 선택, 방향키 이동, Shift+방향키 크기, Delete 삭제.",
    class: "종류",
    delete: "상자 지우기",
    add: "상자 추가",
    save: "학습용으로 저장",
    cancel: "취소",
    loading: "모델을 불러오는 중입니다 …",
    looking: "사진을 살펴보는 중입니다 …",
    saving: "저장하는 중입니다 …",
    saved: "상자 {count}개를 저장했습니다. 지금까지 고친 사진은 {photos}장입니다. 고맙습니다!",
    nothing: "찾은 것이 없습니다",
    nothing_hint: "확신도를 낮추거나, 밝은 곳에서 더 가까이 찍어 보세요.",
    found_one: "1개를 찾았습니다",
    found: "{count}개를 찾았습니다",
    sure: "확신도 {percent}%",
    or: "다른 것일 수도 있습니다: {names}",
    not_here: "여기에 넣으면 안 되는 것",
    goes_to: "→",
    no_rule: "이 종류의 규칙이 없습니다. 지자체에 문의하거나 일반쓰레기로 버리세요.",
    source: "기준: {publisher}, 「{title}」, {date}.",
    api: "API 설명",
    members: "{model} (모델 {count}개)",
    box: "{name} {percent}%",
    too_many_bytes: "사진이 너무 큽니다. 최대 {megabytes} MB까지 됩니다.",
    too_many_pixels: "사진의 화소가 너무 많습니다. 최대 {megapixels}백만 화소까지 됩니다.",
    not_a_photo: "읽을 수 없는 파일입니다. 온전한 사진인지 확인해 주세요.",
    busy: "지금은 서버가 바쁩니다. 잠시 뒤 다시 해 주세요.",
    too_often: "요청이 너무 많습니다. 1분 뒤 다시 해 주세요.",
    too_slow: "올리는 데 너무 오래 걸렸습니다. 더 작은 사진으로 해 주세요.",
    model_failed: "모델에 문제가 생겼습니다: {message}",
    network: "서버에 연결할 수 없습니다. 켜져 있는지 확인해 주세요.",
    failed: "처리하지 못했습니다: {message}",
  },
};

let language = localStorage.getItem("language") ?? (navigator.language.startsWith("ko") ? "ko" : "en");

export const currentLanguage = () => language;

export function setLanguage(chosen) {
  language = chosen;
  localStorage.setItem("language", chosen);
}

/** A sentence of the page with its gaps filled. */
export function say(key, values = {}) {
  const sentence = WORDS[language][key] ?? WORDS[language].failed;
  return sentence.replace(/\{(\w+)\}/g, (gap, name) => values[name] ?? gap);
}

/** Of words in all languages (as the rules of sorting have them) those of the chosen one. */
export const choose = (words) => words[language];
