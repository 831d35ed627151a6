/* Reads /openapi.json and shows it; every call can be tried. Text becomes text nodes only,
 * so nothing that the server or a model says can become a part of the page. */
"use strict";

const byId = (id) => document.getElementById(id);

function make(name, text, parent, attributes) {
	const element = document.createElement(name);
	if (text !== undefined && text !== null)
		element.textContent = text;
	Object.assign(element, attributes || {});
	if (parent)
		parent.append(element);
	return element;
}

function headers(more) {
	const key = byId("key").value.trim();
	return key ? { Authorization: "Bearer " + key, ...more } : { ...more };
}

/* A short word for a schema. */
function typeOf(schema) {
	if (schema.$ref)
		return schema.$ref.split("/").pop();
	let type = [].concat(schema.type || "any").join(" or ");
	if (schema.enum)
		type = schema.enum.map((value) => JSON.stringify(value)).join(" | ");
	if (type === "array" && schema.items)
		type = "array of " + typeOf(schema.items);
	const limits = [];
	for (const [word, name] of [["minimum", "from"], ["maximum", "to"], ["minLength", "at least"],
				    ["maxLength", "at most"], ["maxItems", "at most"]])
		if (schema[word] !== undefined)
			limits.push(name + " " + schema[word]);
	return type + (limits.length ? " (" + limits.join(", ") + ")" : "");
}

function table(parent, title, rows) {
	if (!rows.length)
		return;
	make("h4", title, parent);
	const body = make("tbody", null, make("table", null, parent));
	for (const row of rows) {
		const line = make("tr", null, body);
		make("code", row[0], make("td", null, line));
		make("td", row[1], line);
		make("td", row[2], line);
	}
}

function fieldRows(schema, prefix) {
	const rows = [];
	const required = schema.required || [];
	for (const [name, field] of Object.entries(schema.properties || {})) {
		rows.push([prefix + name + (required.includes(name) ? " *" : ""), typeOf(field),
			   field.description || ""]);
		if (field.properties)
			rows.push(...fieldRows(field, prefix + name + "."));
		if (field.items && field.items.properties)
			rows.push(...fieldRows(field.items, prefix + name + "[]."));
	}
	return rows;
}

function example(schema) {
	const body = {};
	for (const name of schema.required || []) {
		const field = schema.properties[name];
		const type = [].concat(field.type)[0];
		body[name] = field.enum ? field.enum[0]
			: { string: "", integer: 1, number: 1, boolean: false, array: [],
			    object: {} }[type] ?? null;
	}
	return JSON.stringify(body, null, 2);
}

/* Show an answer while it comes: streams as they are. */
async function show(response, out) {
	out.textContent = response.status + " " + response.statusText + "\n" +
		(response.headers.get("x-request-id") || "") + "\n\n";
	const json = (response.headers.get("content-type") || "").startsWith("application/json");
	if (json) {
		const text = await response.text();
		try {
			out.textContent += JSON.stringify(JSON.parse(text), null, 2);
		} catch {
			out.textContent += text;
		}
		return;
	}
	const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
	for (;;) {
		const { value, done } = await reader.read();
		if (done)
			return;
		out.textContent += value;
	}
}

function tryForm(parent, method, path, operation) {
	make("h4", "Try it", parent);
	const form = make("form", null, parent);
	const inputs = [];
	for (const parameter of operation.parameters || []) {
		const label = make("label", parameter.name + " ", form);
		const input = make("input", null, label, { required: parameter.in === "path" });
		inputs.push([parameter, input]);
	}
	const content = operation.requestBody && operation.requestBody.content["application/json"];
	const body = content && make("textarea", null, form, { spellcheck: false });
	if (body)
		body.value = example(content.schema);
	make("button", "Send", form);
	const out = make("pre", null, parent, { hidden: true });
	form.addEventListener("submit", async (event) => {
		event.preventDefault();
		const query = new URLSearchParams();
		const more = {};
		let target = path;
		for (const [parameter, input] of inputs) {
			if (parameter.in === "path")
				target = target.replace("{" + parameter.name + "}",
							encodeURI(input.value));
			else if (input.value && parameter.in === "query")
				query.set(parameter.name, input.value);
			else if (input.value)
				more[parameter.name] = input.value;
		}
		if (body)
			more["Content-Type"] = "application/json";
		out.hidden = false;
		out.textContent = "...";
		try {
			await show(await fetch(target + (query.size ? "?" + query : ""), {
				method: method.toUpperCase(), headers: headers(more),
				body: body ? body.value : undefined,
			}), out);
		} catch (error) {
			out.textContent += "\n" + error;
		}
	});
}

function showOperation(parent, method, path, operation) {
	const details = make("details", null, parent);
	const summary = make("summary", null, details);
	make("span", method.toUpperCase(), summary, { className: "method" });
	make("code", path, summary);
	make("span", operation.summary, summary);
	const inside = make("div", null, details);
	if (operation.description)
		make("p", operation.description, inside);
	const roles = operation["x-roles"].join(", ");
	const scopes = operation["x-scopes"].join(", ");
	make("p", roles ? "For: " + roles + (scopes ? "; keys with one of: " + scopes : "")
			: "For everybody, without a key", inside, { className: "quiet" });
	table(inside, "Parameters", (operation.parameters || []).map((parameter) =>
		[parameter.name + (parameter.required ? " *" : ""),
		 parameter.in + ", " + typeOf(parameter.schema), parameter.description]));
	if (operation.requestBody)
		table(inside, "Body",
		      fieldRows(operation.requestBody.content["application/json"].schema, ""));
	table(inside, "Answers", Object.entries(operation.responses).map(([status, answer]) =>
		[status, Object.entries(answer.content || {}).map(([type, media]) =>
			type + ": " + typeOf(media.schema)).join(", "), answer.description]));
	tryForm(inside, method, path, operation);
}

function showAll(api) {
	const main = byId("routes");
	const sections = new Map();
	main.replaceChildren();
	for (const [path, operations] of Object.entries(api.paths))
		for (const [method, operation] of Object.entries(operations)) {
			const tag = operation.tags[0];
			if (!sections.has(tag)) {
				const section = make("section", null, main);
				make("h2", tag, section);
				sections.set(tag, section);
			}
			showOperation(sections.get(tag), method, path, operation);
		}
	byId("state").textContent = api.info.title + " " + api.info.version;
}

byId("who").addEventListener("submit", async (event) => {
	event.preventDefault();
	try {
		const response = await fetch("/openapi.json", { headers: headers() });
		const answer = await response.json();
		if (response.ok)
			showAll(answer);
		else
			byId("state").textContent = answer.error.message;
	} catch (error) {
		byId("state").textContent = String(error);
	}
});
