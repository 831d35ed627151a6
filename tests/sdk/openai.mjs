// The official OpenAI client in JavaScript against the gateway.

import assert from 'node:assert/strict'
import test from 'node:test'
import OpenAI from 'openai'

const { URL: url, KEY: key, PIXEL: pixel } = process.env
const client = new OpenAI({ baseURL: url + '/v1', apiKey: key })
const messages = [{ role: 'user', content: 'Hello?' }]
const said = 'tok0 tok1 tok2 tok3 tok4 '
const models = (way) => [`oa-${way}/gpt-fake`, `an-${way}/claude-fake`]

for (const model of models('plain')) {
  test(`chat ${model}`, async () => {
    const reply = await client.chat.completions.create({ model, messages })
    assert.equal(reply.choices[0].message.content, said)
    assert.equal(reply.usage.completion_tokens, 5)
    assert.match(reply._request_id, /^req_/)
  })

  test(`stream ${model}`, async () => {
    let text = ''
    const stream = await client.chat.completions.create({ model, messages, stream: true })
    for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? ''
    assert.equal(text, said)
    const runner = client.chat.completions.stream({ model, messages })
    assert.equal(await runner.finalContent(), said)
  })

  test(`structured output ${model}`, async () => {
    const schema = {
      type: 'object', properties: { colour: { type: 'string' } },
      required: ['colour'], additionalProperties: false,
    }
    const reply = await client.chat.completions.create({
      model, messages,
      response_format: { type: 'json_schema', json_schema: { name: 'c', strict: true, schema } },
    })
    assert.equal(typeof JSON.parse(reply.choices[0].message.content).colour, 'string')
  })
}

for (const model of models('tools')) {
  for (const stream of [false, true]) {
    test(`tools ${model} ${stream ? 'streamed' : 'whole'}`, async () => {
      const looked = []
      const runner = client.chat.completions.runTools({
        model, messages, stream,
        tools: [{
          type: 'function',
          function: {
            name: 'look',
            parameters: {
              type: 'object', properties: { where: { type: 'string' } },
              required: ['where'],
            },
            parse: JSON.parse,
            function: ({ where }) => { looked.push(where); return 'a cat' },
          },
        }],
      })
      assert.equal(await runner.finalContent(), 'tok0 tok1 tok2 ')
      assert.deepEqual(looked, ['where-0'])
    })
  }
}

for (const model of models('request')) {
  test(`vision ${model}`, async () => {
    const reply = await client.chat.completions.create({
      model,
      messages: [{
        role: 'user',
        content: [
          { type: 'text', text: 'What is it?' },
          { type: 'image_url', image_url: { url: `data:image/png;base64,${pixel}` } },
        ],
      }],
    })
    assert.ok(reply.choices[0].message.content.includes(pixel))
  })
}

test('errors', async () => {
  for (const model of models('bad'))
    await assert.rejects(client.chat.completions.create({ model, messages }),
      OpenAI.BadRequestError)
  for (const model of models('broken'))
    await assert.rejects(client.chat.completions.create({ model, messages }),
      OpenAI.InternalServerError)
  for (const model of models('limited'))
    await assert.rejects(client.chat.completions.create({ model, messages }),
      OpenAI.RateLimitError)
  await assert.rejects(client.chat.completions.create({ model: 'no-such-model', messages }),
    (error) => error instanceof OpenAI.NotFoundError && error.code === 'model_not_found')
  const stranger = new OpenAI({ baseURL: url + '/v1', apiKey: 'ack_wrong' })
  await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError)
  for (const model of models('cut')) {
    const stream = await client.chat.completions.create({ model, messages, stream: true })
    await assert.rejects(async () => { for await (const _ of stream); }, OpenAI.APIError)
  }
})

test('models', async () => {
  const names = []
  for await (const model of client.models.list()) names.push(model.id)
  assert.ok(names.includes('gpt-5.6'))
  assert.equal((await client.models.retrieve('gpt-5.6')).id, 'gpt-5.6')
})

test('embeddings', async () => {
  const reply = await client.embeddings.create({
    model: 'oa-plain/text-embedding-fake', input: ['one', 'two'],
  })
  assert.equal(reply.data.length, 2)
  assert.equal(typeof reply.data[0].embedding[0], 'number')
})

test('leaving', async () => {
  for (const model of models('slow')) {
    const stream = await client.chat.completions.create({ model, messages, stream: true })
    for await (const _ of stream) break
    stream.controller.abort()
  }
})
